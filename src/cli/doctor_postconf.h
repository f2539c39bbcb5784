/* doctor_postconf.h - Postfix's configuration as postconf prints it: parameters, services, and what services override. */
#ifndef CLI_DOCTOR_POSTCONF_H
#define CLI_DOCTOR_POSTCONF_H

#include "base/arena.h"
#include "base/span.h"
#include "config/stack_tool.h"

enum { DOCTOR_POSTCONF_SERVICES_MAX = 64 };

/* A line of master.cf. Views into the tools' output. */
struct doctor_postconf_service {
    struct span name, type;
    struct span command; /* "smtpd" */
    struct span words;   /* its arguments */
    bool chroot;         /* it runs inside the queue directory */
};

struct doctor_postconf {
    struct stack_tool main, master, overrides;
    struct doctor_postconf_service services[DOCTOR_POSTCONF_SERVICES_MAX];
    size_t services_count;
};

enum doctor_postconf_answer {
    DOCTOR_POSTCONF_FAILED, /* the error says why */
    DOCTOR_POSTCONF_ABSENT, /* not installed */
    DOCTOR_POSTCONF_READ,
};

/* Reads main.cf and master.cf in `directory`. doctor_postconf_done() in any case. */
enum doctor_postconf_answer doctor_postconf_read(const char *directory,
                                                 struct doctor_postconf *postconf,
                                                 struct error *error);
void doctor_postconf_done(
    struct doctor_postconf *postconf); /* for CLEANUP(); takes one that is all zeroes */

/* A parameter with its references expanded; of main.cf when `service` is NULL or does not override it. Empty when it
 * is empty or unknown. */
struct span doctor_postconf_value(const struct doctor_postconf *postconf,
                                  const struct doctor_postconf_service *service, const char *name);
bool doctor_postconf_yes(const struct doctor_postconf *postconf,
                         const struct doctor_postconf_service *service, const char *name);
/* The next word of a list, which commas and blanks separate; braces hold words together. */
bool doctor_postconf_word(struct span *rest, struct span *word);
/* Is the word in the list? Letter case aside. */
bool doctor_postconf_has(struct span list, const char *word);
/* "submission/inet" */
const char *doctor_postconf_name(const struct doctor_postconf_service *service,
                                 struct arena *arena);
/* Is `-v` among the arguments of the service itself? */
bool doctor_postconf_verbose(const struct doctor_postconf_service *service);
/* What postconf complained about; empty: nothing. */
struct span doctor_postconf_complaint(const struct doctor_postconf *postconf);

#endif
