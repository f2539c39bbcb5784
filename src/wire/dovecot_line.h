/* dovecot_line.h - the lines of the Dovecot auth protocol: what Dovecot, Postfix and doveadm ask, and our answers.
 *
 * Client side (login, auth-client: AUTH, CONT, CANCEL) and master side (auth-master, auth-userdb:
 * REQUEST, USER, PASS, LIST, CACHE-FLUSH), in the dialects of Dovecot 2.3, Dovecot 2.4 and Postfix.
 * A line ends in LF, its fields are separated by TAB, values are tab-escaped: \001 followed by "1",
 * "0", "t", "r" or "n" stands for \001, NUL, TAB, CR, LF. Pure: bytes in, struct out, and back. */
#ifndef WIRE_DOVECOT_LINE_H
#define WIRE_DOVECOT_LINE_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/span.h"

enum {
    DOVECOT_LINE_MAX = 128 * 1024,           /* longest line to us, without its LF */
    DOVECOT_LINE_PARAMETERS_MAX = 128,       /* fields of one line */
    DOVECOT_LINE_CLIENT_MAX = 16 * 1024 - 1, /* longest line to login processes, with its LF */
    DOVECOT_LINE_MASTER_MAX = 8 * 1024 - 1,  /* longest line to imap, lmtp, doveadm, with its LF */
    DOVECOT_LINE_COOKIE_SIZE = 16,           /* bytes; 32 hex digits on the wire */
};

enum dovecot_line_command {
    DOVECOT_LINE_UNKNOWN, /* well formed, but no command of ours: `name` says which; ignore it */
    DOVECOT_LINE_VERSION,
    DOVECOT_LINE_CPID,
    DOVECOT_LINE_AUTH,
    DOVECOT_LINE_CONT,
    DOVECOT_LINE_CANCEL,
    DOVECOT_LINE_REQUEST,
    DOVECOT_LINE_USER,
    DOVECOT_LINE_PASS,
    DOVECOT_LINE_LIST,
    DOVECOT_LINE_CACHE_FLUSH,
};

/* One line, parsed. Spans are views into the line, or into the arena where a value had to be
 * unescaped; an unescaped value may hold any byte, NUL and LF included. What a line did not say is
 * zero or empty. */
struct dovecot_line {
    enum dovecot_line_command command;
    struct span name; /* the command as written */
    uint32_t id;      /* of the request: AUTH … CACHE_FLUSH */

    uint32_t major, minor; /* VERSION */
    uint32_t client_pid;   /* CPID; REQUEST: of the connection that authenticated */

    struct span mechanism; /* AUTH; never empty */
    struct span service; /* service= (2.3, Postfix) or protocol= (2.4): "imap", "smtp", "lmtp", … */
    struct span session;  /* session= */
    struct span lip, rip; /* local and remote address, as written */
    uint16_t lport, rport;
    struct span local_name; /* TLS server name that the client asked for */
    struct span client_id;  /* IMAP ID of the client */
    bool secured;           /* Dovecot: TLS or loopback; Postfix: TLS */
    bool secured_tls;       /* "secured=tls": certainly TLS (2.3 and 2.4) */
    bool nologin;           /* no REQUEST will follow */
    bool no_penalty;        /* no-penalty: not believed from sockets others can open */
    bool debug;
    bool final_resp_ok; /* 2.4: FAIL may carry resp= */
    bool valid_client_cert;

    /* AUTH: what came behind "resp=", which is always last; use dovecot_line_responds() to learn
     * whether it is an initial response. CONT: the client's answer. Base64 of a secret, not
     * decoded, not unescaped, never copied: wipe the bytes of the line when done. "=" has become
     * the empty response. */
    struct span response;
    bool has_response;   /* there was a resp= */
    bool empty_response; /* it was "resp==": empty on purpose */

    uint32_t auth_id;                               /* REQUEST: the id of the AUTH it belongs to */
    unsigned char cookie[DOVECOT_LINE_COOKIE_SIZE]; /* REQUEST */
    uint32_t session_pid;                           /* REQUEST; 0 when not said */
    bool request_auth_token;                        /* REQUEST */

    /* USER, PASS: the name; LIST: the mask of user=; CACHE_FLUSH: the first name, empty for all */
    struct span user;
};

/* Parses `text`, one line without its LF. Unknown parameters are ignored. Refused (false and an
 * error that quotes no value): too long, a NUL or a bad escape, too many fields, a missing or
 * malformed number, a known parameter twice with different values, no mechanism, no user name. */
bool dovecot_line_parse(struct span text, struct arena *arena, struct dovecot_line *line,
                        struct error *error);

/* Whether this AUTH brings an initial response. A bare "resp=" means none from clients older than
 * minor version 2 (Postfix, Exim), and an empty one from the others; "resp==" is always empty. */
bool dovecot_line_responds(const struct dovecot_line *line, uint32_t client_minor);

/* Writers. Each appends whole lines with their LF, every value escaped, and returns true; or, when
 * that would pass the limit of `out` or of the peer (DOVECOT_LINE_CLIENT_MAX, …_MASTER_MAX), leaves
 * `out` as it was, apart from its `full`, and returns false. Names and codes are literals of ours:
 * letters, digits, "_", "-", ".", "/" or blank. */

struct dovecot_line_field {
    const char *name;
    struct span value;
    bool bare; /* "nologin" instead of "nologin=…" */
};

struct dovecot_line_mechanism {
    const char *name;
    /* "plaintext": hidden without TLS; "private": for DOVECOT-TOKEN; several with TABs */
    const char *flags;
};

struct dovecot_line_hello {
    const struct dovecot_line_mechanism *mechanisms; /* at least one: a client needs it */
    size_t count;
    uint32_t server_pid; /* SPID: the same number on all our sockets */
    uint32_t connection; /* CUID */
    /* unique per connection, from secret_random() */
    unsigned char cookie[DOVECOT_LINE_COOKIE_SIZE];
};

/* The client side: VERSION 1 2, MECH…, SPID, CUID, COOKIE, DONE. */
bool dovecot_line_client_hello(struct buffer *out, const struct dovecot_line_hello *hello);
/* OK id user=… and `count` more fields. */
bool dovecot_line_ok(struct buffer *out, uint32_t id, struct span user,
                     const struct dovecot_line_field *fields, size_t count);
/* CONT id challenge; `challenge` is encoded here; the empty one keeps its field (trailing TAB). */
bool dovecot_line_cont(struct buffer *out, uint32_t id, struct span challenge);
/* FAIL id [user=] [code=] [reason=]; an empty user, a NULL code or reason is left out.
 * `reason` reaches the mail client: a fixed text. "temp_fail" is the code for trouble of ours. */
bool dovecot_line_fail(struct buffer *out, uint32_t id, struct span user, const char *code,
                       const char *reason);
/* CANCELLED id: only to clients of minor version 4 and later. */
bool dovecot_line_cancelled(struct buffer *out, uint32_t id);

/* The master side: VERSION 1 1, SPID. */
bool dovecot_line_master_hello(struct buffer *out, uint32_t server_pid);
/* USER id user, and the userdb fields. */
bool dovecot_line_user(struct buffer *out, uint32_t id, struct span user,
                       const struct dovecot_line_field *fields, size_t count);
bool dovecot_line_notfound(struct buffer *out, uint32_t id);
/* FAIL id [reason=]: a temporary failure, as lmtp and imap understand it. */
bool dovecot_line_master_fail(struct buffer *out, uint32_t id, const char *reason);
bool dovecot_line_pass(struct buffer *out, uint32_t id, struct span user,
                       const struct dovecot_line_field *fields, size_t count);
bool dovecot_line_list(struct buffer *out, uint32_t id, struct span user); /* one of many */
bool dovecot_line_done(struct buffer *out, uint32_t id,
                       bool complete); /* ends a list; false: "fail" */
bool dovecot_line_flushed(struct buffer *out, uint32_t id, uint32_t entries); /* OK id entries */

#endif
