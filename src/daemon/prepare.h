/* prepare.h - what must hold on this system before anything is bound: users, directories, Dovecot, one posternd only. */
#ifndef DAEMON_PREPARE_H
#define DAEMON_PREPARE_H

#include "base/secret.h"
#include "config/config.h"

enum { PREPARE_NOTICES_MAX = 4 };

struct prepare {
    int lock;                /* held for as long as the parent lives */
    struct secret token_key; /* AUTH_TOKEN_KEY_SIZE bytes; survives restarts (auth_token.h) */
    /* what an admin should hear; the first NULL ends them */
    const char *notices[PREPARE_NOTICES_MAX];
};

/* Only looks: the users exist, and Dovecot's own auth service is switched off. */
bool prepare_check(const struct config *config, struct error *error);
/* That, and then: run_directory, the lock in it, the key in it, and the directory of the database. `prepared` must be
 * given back also after a failure. */
bool prepare_all(const struct config *config, struct prepare *prepared, struct error *error);
void prepare_done(struct prepare *prepared);

#endif
