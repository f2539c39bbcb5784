/* policy_request.h - Postfix's policy delegation protocol (SMTPD_POLICY_README): a request of attributes in, one action out.
 *
 * Lines "name=value", ended by an empty line; many requests on one connection, one outstanding at
 * a time. Pure. */
#ifndef WIRE_POLICY_REQUEST_H
#define WIRE_POLICY_REQUEST_H

#include "base/buffer.h"
#include "base/span.h"

enum {
    POLICY_REQUEST_MAX = 16 * 1024,      /* bytes of a request, with its empty line */
    POLICY_REQUEST_ATTRIBUTES_MAX = 100, /* lines of a request, unknown ones included */
};

enum policy_request_answer {
    POLICY_REQUEST_BAD,  /* not a request, or beyond a limit: close the connection */
    POLICY_REQUEST_MORE, /* the beginning of one */
    POLICY_REQUEST_COMPLETE,
};

/* What Postfix said; absent or empty attributes are empty spans or 0. Views into the stream. */
struct policy_request {
    struct span request;        /* always "smtpd_access_policy" */
    struct span protocol_state; /* "RCPT", "DATA", "END-OF-MESSAGE", … ; never empty */
    struct span protocol_name;  /* "SMTP", "ESMTP" */
    struct span sender;         /* envelope sender; empty for <> */
    struct span recipient;      /* RCPT only; empty at DATA with several recipients */
    struct span sasl_method;
    struct span sasl_username; /* empty: not authenticated */
    struct span client_address;
    struct span client_name;
    struct span helo_name;
    struct span instance; /* the same for all requests of one message */
    struct span queue_id;
    uint64_t recipient_count; /* 0 before DATA */
    uint64_t size;            /* what MAIL FROM announced, or at END-OF-MESSAGE the size */
    uint64_t server_port;
    size_t consumed; /* bytes of the stream that were this request */
};

/* Reads one request from the front of `bytes`. Unknown attributes are ignored. Refused: an
 * attribute twice, a line without "=", an empty name, NUL or CR in a line, no or another `request`,
 * no protocol_state, a number that is none. */
enum policy_request_answer policy_request_parse(struct span bytes, struct policy_request *request);

/* "action=ACTION [TEXT]" and the empty line, or nothing when it passes the limit of `out` (false).
 * `action` is a literal such as "DUNNO" or "421 4.7.0"; `text` (NULL for none) a fixed text without
 * control bytes (asserted). */
bool policy_request_reply(struct buffer *out, const char *action, const char *text);

#endif
