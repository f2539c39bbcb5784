/* credential.h - what a client signs in with, from its messages to a name and a secret: for login.c.
 *
 * A value inside its login, which takes messages as they come, reads them once, and wipes. Ready when
 * zeroed. */
#ifndef AUTH_CREDENTIAL_H
#define AUTH_CREDENTIAL_H

#include "auth/directory.h"
#include "base/arena.h"
#include "wire/sasl.h"

enum { CREDENTIAL_MESSAGE_MAX = 64 * 1024 }; /* base64; SASL_TOKEN_MAX is reached long before */

enum credential_answer {
    CREDENTIAL_MALFORMED,
    CREDENTIAL_NOT_BASE64,
    CREDENTIAL_TRUNCATED, /* at the mail server's line limit */
    CREDENTIAL_TOO_LONG,
    CREDENTIAL_ASKS_CONFIGURATION, /* RFC 7628, 4.3 */
    CREDENTIAL_CONTINUE,           /* LOGIN: the password comes next */
    CREDENTIAL_COMPLETE,
};

struct credential {
    enum sasl_kind kind; /* SASL_NOTHING until it is complete */
    struct span user;    /* as the client wrote it; may be empty */
    bool name_given, name_valid;
    struct address name;         /* name_valid: the same in normal form */
    const char *problem;         /* a fixed text for the log, or NULL */
    struct sasl_credential sasl; /* the secret, until credential_wipe() */
    struct secret message;
    bool initial, too_long, given;
};

/* Keeps a copy of the client's message; `initial` when it came with the request. */
void credential_take(struct credential *credential, struct span base64, bool initial);
/* A token that came as it is, without a name, in place of a message; copied. */
void credential_give(struct credential *credential, const struct secret *token);
/* Reads what was taken. Texts live as long as the arena. `line_limit` as for sasl_read(). */
enum credential_answer credential_read(struct credential *credential, enum sasl_mechanism mechanism,
                                       bool line_limit, const struct directory *directory,
                                       struct arena *arena);
/* Whom a throttle should count: the name in one form, else as it was written. */
struct span credential_user(const struct credential *credential);
/* The name that was asked for; NULL when there was none, or none that could be a name. */
const struct address *credential_name(const struct credential *credential);
/* Forgets message and secret, and nothing else. */
void credential_wipe(struct credential *credential);

#endif
