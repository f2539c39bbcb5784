/* login.h - one SASL exchange (or one token that is given as it is), from mechanism to answer, told in one file.
 *
 * States, in order: read credentials; check token or password; find account; decide; delay or error
 * challenge when refused; answer once. All deadlines live here: `turn_ms` (8 s) from each turn of the
 * client, because Postfix hangs up after 10, with the delay of a refusal inside it; `exchange_ms` (150 s)
 * for the whole.
 *
 * One line is logged for each login, when it is decided, so that a client that drops out before it hears
 * the answer is counted all the same:
 *   login_accepted
 *   login_refused         a credential was wrong: counted by the throttle and by fail2ban's filter
 *   login_refused_again   the same one as before from the same address: a phone with a stale token
 *   login_unavailable     we, or the provider, could not say: temporary
 *   login_malformed       no credential to judge: malformed, truncated, without TLS, unknown mechanism
 *   login_abandoned       the client left or stayed silent before there was anything to decide
 * Fields, those that are known, in this order: user (as the client gave it, else the token's address), account,
 * mech, protocol, rip ("-" when it is not known), session, login, provider, reason, status, detail, ms. Reasons are fixed texts.
 *
 * Waiting for the client ends after `exchange_ms` with LOGIN_REFUSED: of Postfix, where LOGIN_UNAVAILABLE
 * closes the connection, the exchange may be long over and the connection carry another one. */
#ifndef AUTH_LOGIN_H
#define AUTH_LOGIN_H

#include "account/password.h"
#include "auth/change.h"
#include "auth/directory.h"
#include "auth/login_record.h"
#include "auth/policy.h"
#include "auth/throttle.h"
#include "token/token_check.h"
#include "wire/sasl.h"

struct login_settings {
    int64_t turn_ms;          /* 8000 */
    int64_t exchange_ms;      /* 150000 */
    int64_t refusal_delay_ms; /* 2000 */
    bool passwords;           /* PLAIN and LOGIN with an account's own password */
    bool cleartext;           /* credentials without TLS, from loopback clients only (the demo) */
    size_t logins_max;        /* under way at once; beyond it: temporary failure */
};

/* What every login needs; the pointers outlive all logins, the settings may be replaced between turns. */
struct login_service {
    struct loop *loop;
    const struct log *log;
    struct token_checks *tokens;
    struct password_checks *passwords;
    struct directory *directory;
    struct throttle *throttle;
    struct changes *changes;             /* binding and last_login; may be NULL in tests */
    struct login_record_families counts; /* zero: nothing is counted */
    struct login_settings settings;
    bool stopping;  /* set before the doors give up on those under way: it is us who left */
    size_t running; /* login.c's */
};

/* Views are copied. */
struct login_request {
    enum sasl_mechanism mechanism;
    struct span protocol; /* "imap", "pop3", "sieve", "smtp", "doveadm" … */
    struct span client;   /* rip: the client's address; may be empty */
    struct span server;   /* lip */
    struct span session;  /* the server's session id; may be empty */
    bool secured;         /* TLS, or a connection the server calls secure */
    bool line_limit;      /* came through Postfix (its silently cut lines) */
    bool has_response;
    struct span response; /* base64 */
    /* A token as it is, from mail/verifier: no SASL message, no challenge, and a refusal is not delayed (whoever asks
     * does that). `way` stands for the mechanism: "INTROSPECT", a literal. NULL: SASL. */
    const struct secret *token;
    const char *way;
};

enum login_answer {
    LOGIN_REFUSED,
    LOGIN_UNAVAILABLE, /* temporary: code=temp_fail to Dovecot, a closed connection to Postfix */
    LOGIN_CHALLENGE,   /* send `challenge` to the client, then login_continue() */
    LOGIN_ACCEPTED,
};

/* What the client may hear about a refusal; the texts are the door's. */
enum login_hint {
    LOGIN_HINT_NONE,
    LOGIN_HINT_TRUNCATED, /* cut at the mail server's line limit */
    LOGIN_HINT_TOO_LONG,
    LOGIN_HINT_INVALID_BASE64,
    LOGIN_HINT_NEEDS_TLS,
    LOGIN_HINT_MECHANISM, /* unknown or switched off */
};

struct login_outcome {
    enum login_answer answer;
    enum login_hint hint;
    struct span user; /* the account's primary address; not ACCEPTED: the name given, or empty */
    struct span account_id; /* ACCEPTED */
    struct span challenge;  /* LOGIN_CHALLENGE: plain bytes, the door encodes; may be empty */
};

struct login;
/* Runs later, never before login_start() or login_continue() returned: once for each challenge, once for the
 * final answer, after which the login is gone. `outcome` is valid during the call. */
typedef void login_fn(const struct login_outcome *outcome, void *context);

struct login *login_start(struct login_service *service, const struct login_request *request,
                          login_fn *fn, void *context);
/* Base64 of the client's next message; ignored when no challenge is open. */
void login_continue(struct login *login, struct span response);
/* The client is gone: no callback after it. Takes NULL; does nothing inside the callback of the final answer. */
void login_cancel(struct login *login);
/* SIGTERM: everything under way is answered LOGIN_UNAVAILABLE at its door by freeing the doors. */

#endif
