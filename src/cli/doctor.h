/* doctor.h - `postern doctor`: looks at everything that signing in and sending needs, and says what is wrong.
 *
 * Reads only: nothing is changed, no mail server is touched. Each section has a file of its own and adds to a list of
 * findings; codes are listed in docs/findings.md. A fault is said once, where it is: what can only follow from it is
 * FINDING_SKIPPED. */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

#include "base/buffer.h"
#include "base/finding.h"
#include "cli/cli_options.h"
#include "config/config.h"
#include "wire/json.h"

/* What the sections know of each other. */
struct doctor {
    const struct cli_options *options;
    const char *file;       /* postern.conf */
    struct config config;   /* all zeroes unless `readable` */
    bool readable;          /* the configuration is complete and good */
    bool running;           /* posternd answers on the admin socket */
    char *socket;           /* the admin socket; NULL: not known */
    char *problem;          /* why it does not answer; NULL */
    struct json *domains;   /* GET /v1/domains; NULL: not running */
    struct buffer doveconf; /* Dovecot's configuration, as doveconf prints it; empty: not known */
};

enum cli_exit doctor(const struct cli_options *options);

#endif
