/* socketmap.h - Postfix's socketmap protocol (socketmap_table(5)): netstrings "NAME KEY" in, "STATUS data" out.
 *
 * Only SOCKETMAP_NOTFOUND ever becomes a permanent answer at the mail client; any trouble of ours is
 * socketmap_temporary(). Pure. */
#ifndef WIRE_SOCKETMAP_H
#define WIRE_SOCKETMAP_H

#include "base/buffer.h"
#include "base/span.h"

enum {
    SOCKETMAP_NAME_MAX = 64,      /* bytes of a map's name */
    SOCKETMAP_KEY_MAX = 2048,     /* bytes of a key */
    SOCKETMAP_REPLY_MAX = 100000, /* bytes of a reply's contents: Postfix takes no more */
    SOCKETMAP_REQUEST_MAX = SOCKETMAP_NAME_MAX + 1 + SOCKETMAP_KEY_MAX + 6, /* on the wire */
};

enum socketmap_answer {
    SOCKETMAP_BAD,  /* not a request, or beyond a limit: close the connection */
    SOCKETMAP_MORE, /* the beginning of one */
    SOCKETMAP_REQUEST,
};

struct socketmap_request {
    struct span name; /* of the map: letters, digits, "-", "_"; never empty */
    struct span key;  /* any bytes, as Postfix sent them: not folded, may be empty */
    size_t consumed;  /* bytes of the stream that were this request */
};

/* Reads one request from the front of `bytes`. The spans are views into `bytes`. */
enum socketmap_answer socketmap_parse(struct span bytes, struct socketmap_request *request);

/* Replies: one whole netstring each, or nothing when it passes the limit of `out` (false).
 * `value` is never empty (Postfix would say 451: asserted); a value that is too long or holds
 * control bytes becomes TEMP. Reasons are fixed texts without control bytes (asserted). */
bool socketmap_ok(struct buffer *out, struct span value);
bool socketmap_notfound(struct buffer *out);
bool socketmap_temporary(struct buffer *out, const char *reason);
bool socketmap_permanent(struct buffer *out, const char *reason);

#endif
