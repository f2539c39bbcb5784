/* sasl.h - the messages of the SASL mechanisms that mail clients use, parsed once into one struct.
 *
 * PLAIN (RFC 4616), LOGIN (draft-murchison-sasl-login), OAUTHBEARER (RFC 7628) and XOAUTH2 (Google,
 * Microsoft). A message of either OAuth mechanism is understood under either name. Pure: bytes in,
 * struct out. Tables OB1-OB18 and XO1-XO8 of the tests are the specification. */
#ifndef WIRE_SASL_H
#define WIRE_SASL_H

#include "base/buffer.h"
#include "base/secret.h"

enum { SASL_USER_MAX = 320, SASL_TOKEN_MAX = 16384, SASL_PASSWORD_MAX = 1024 };

enum sasl_mechanism {
    SASL_UNKNOWN,
    SASL_PLAIN,
    SASL_LOGIN,
    SASL_OAUTHBEARER,
    SASL_XOAUTH2,
};

/* Upper-case name as protocols and logs spell it; "unknown" for SASL_UNKNOWN. */
const char *sasl_name(enum sasl_mechanism mechanism);
enum sasl_mechanism sasl_find(struct span name);    /* case-insensitive */
bool sasl_is_bearer(enum sasl_mechanism mechanism); /* OAUTHBEARER or XOAUTH2 */

enum sasl_answer {
    SASL_MALFORMED, /* `problem` says what is wrong, from a fixed list */
    SASL_TRUNCATED, /* cut at Postfix's line_length_limit: not the client's fault */
    SASL_TOO_LONG,  /* a token beyond SASL_TOKEN_MAX or a password beyond SASL_PASSWORD_MAX */
    /* an empty auth= (RFC 7628, 4.3): wants the error JSON, is no attack */
    SASL_ASKS_CONFIGURATION,
    SASL_CONTINUE, /* LOGIN: the user name is here, the password comes next */
    SASL_COMPLETE,
};

enum sasl_kind { SASL_NOTHING, SASL_TOKEN, SASL_PASSWORD };

struct sasl_credential {
    enum sasl_kind kind;
    char user[SASL_USER_MAX +
              1]; /* as the client wrote it: valid UTF-8, no control bytes; may be empty (OB4) */
    struct secret secret; /* the token (b64token, never empty) or the password */
    /* SASL_MALFORMED, SASL_TRUNCATED, SASL_TOO_LONG: a fixed text, no client bytes */
    const char *problem;
};

/* Reads one client message, still in base64 as the auth protocol carries it. Call it with the
 * initial response, or with what came after the empty challenge; for LOGIN a second time, with the
 * same `credential`, after SASL_CONTINUE. `line_limit` is true when the message came as an initial
 * response through Postfix, whose silently cut lines are then told apart from plain bad base64.
 * The credential is the caller's: sasl_done() it whatever the answer. */
enum sasl_answer sasl_read(enum sasl_mechanism mechanism, struct span base64, bool line_limit,
                           struct sasl_credential *credential);
void sasl_done(struct sasl_credential *credential); /* wipes; for CLEANUP() */

/* What a refused bearer token is told (RFC 7628, 3.2.2), as JSON, not yet base64. `status` is
 * "invalid_token", "insufficient_scope" or "invalid_request"; empty `scope` and
 * `configuration_url` are left out. At most 500 bytes: what does not fit is left out. */
void sasl_error_json(struct span status, struct span scope, struct span configuration_url,
                     struct buffer *out);

#endif
