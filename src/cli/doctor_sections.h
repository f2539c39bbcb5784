/* doctor_sections.h - the sections of `postern doctor`. Internal to it. */
#ifndef CLI_DOCTOR_SECTIONS_H
#define CLI_DOCTOR_SECTIONS_H

#include "base/span.h"
#include "cli/doctor.h"

/* Fills in config and readable. */
void doctor_config(struct doctor *doctor, struct finding_list *found);
/* Fills in running, socket, problem and domains. */
void doctor_daemon(struct doctor *doctor, struct finding_list *found);
void doctor_sockets(struct doctor *doctor, struct finding_list *found);
void doctor_dovecot(struct doctor *doctor, struct finding_list *found);
void doctor_postfix(struct doctor *doctor, struct finding_list *found);
void doctor_providers(struct doctor *doctor, struct finding_list *found);
void doctor_provisioning(struct doctor *doctor, struct finding_list *found);

/* Dovecot's own checks of tokens, in what doveconf printed and the files that it names (docs/verifier.md). */
void doctor_verifier(const struct config *config, struct span doveconf, struct finding_list *found);
/* Is the PEM file `value` ("/path", or Dovecot's "</path") good for longer than two weeks? Anything else is left alone.
 * `name` is the setting's. */
void doctor_certificate(const char *code, const char *name, struct span value,
                        struct finding_list *found);
/* Is the private key of the file `value`, written likewise, kept from others? */
void doctor_certificate_key(const char *name, struct span value, struct finding_list *found);

#endif
