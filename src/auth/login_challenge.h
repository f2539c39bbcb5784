/* login_challenge.h - what a client is told in the middle of an exchange: prompts, and why a token was refused. */
#ifndef AUTH_LOGIN_CHALLENGE_H
#define AUTH_LOGIN_CHALLENGE_H

#include "token/token_check.h"
#include "wire/sasl.h"

/* LOGIN's prompts; of other mechanisms the empty challenge. */
struct span login_challenge_prompt(enum sasl_mechanism mechanism, bool password_next);
/* RFC 7628, 3.2.2: OAUTHBEARER's client hears why, as JSON, with the scope and the configuration of the provider that
 * `name` (or NULL) would be asked about. The same for every user and reason of one provider, so that it tells nobody
 * who exists. Nothing for other mechanisms: with XOAUTH2 such a challenge hangs mbsync and s-nail, and POP3 clients
 * take it for success. */
void login_challenge_error(enum sasl_mechanism mechanism, const struct token_checks *tokens,
                           const struct address *name, const char *status, struct buffer *json);

#endif
