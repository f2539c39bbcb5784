/* auth_token.h - proof that a running session may sign in once more as its user (DOVECOT-TOKEN).
 *
 * imap asks for it in its REQUEST and shows it to imap-urlauth-login when a URLAUTH is fetched
 * (dovecot.md, 4.4). Not a bearer token of a provider: an HMAC of ours over service, process,
 * user and session, good as long as the key and that session's account live. */
#ifndef MAIL_AUTH_TOKEN_H
#define MAIL_AUTH_TOKEN_H

#include "auth/directory.h"
#include "base/arena.h"
#include "base/buffer.h"
#include "base/digest.h"
#include "base/secret.h"

enum { AUTH_TOKEN_KEY_SIZE = 32, AUTH_TOKEN_SIZE = 2 * DIGEST_SIZE };

struct auth_token_claim {
    struct span service; /* "imap" */
    struct span pid;     /* of that session's process, in decimal */
    struct span user;
    struct span session; /* may be empty */
};

/* Appends AUTH_TOKEN_SIZE hex digits. */
void auth_token_make(const struct secret *key, const struct auth_token_claim *claim,
                     struct buffer *out);
/* Reads the SASL message (service NUL pid NUL user NUL session NUL token, in base64) and proves it.
 * False: malformed, or not ours. The claim lives in `arena`. */
bool auth_token_read(const struct secret *key, struct span base64, struct arena *arena,
                     struct auth_token_claim *claim);
/* Proves the message and finds the account, which must be active: FOUND. `key` may be NULL: NONE. */
enum directory_answer auth_token_account(const struct secret *key, struct directory *directory,
                                         struct span base64, struct arena *arena,
                                         struct auth_token_claim *claim, struct account *account);

#endif
