/* introspect.h - a token checked at the introspection endpoint (RFC 7662), or at Google's tokeninfo: the request, and what its
 * answer means. Holds no state: token_check.c keeps the fetch.
 *
 * 200 with a JSON object is an answer. 400 and 401 (and 403) speak of *our* credentials (RFC 7662, 2.3): VERDICT_CREDENTIALS,
 * never the token's fault - but for tokeninfo, which says 400 of a bad token, and for {"error":"unsupported_token_type"},
 * which leaves the question to the JWT's own signature. */
#ifndef TOKEN_INTROSPECT_H
#define TOKEN_INTROSPECT_H

#include "net/fetch.h"
#include "token/claims.h"

enum { INTROSPECT_SIZE_MAX = 64 * 1024 };

/* What a request is made of; give back with introspect_request_done() after fetch_start(), which copies it. */
struct introspect_request {
    struct fetch_request fetch;
    struct buffer body;
    struct secret authorization;
};

/* POST, application/x-www-form-urlencoded, token and token_type_hint, with the provider's authentication. `url` is the
 * endpoint; `now` in wall seconds for private_key_jwt (RFC 7523, 3; aud is the issuer and the endpoint). false: the
 * private key cannot sign. */
bool introspect_request(const struct provider *provider, const char *url, struct span issuer,
                        const struct secret *token, int64_t now, struct introspect_request *request,
                        struct error *error);
void introspect_tokeninfo_request(const struct provider *provider, const struct secret *token,
                                  struct introspect_request *request);
void introspect_request_done(struct introspect_request *request); /* wipes */

/* Reads an answer, with `view` and `bytes` (INTROSPECT_SIZE_MAX of room) as scratch: true when there are claims to judge
 * (views into them); else `verdict` says why not. */
bool introspect_read(const struct provider *provider, enum claims_source source,
                     const struct fetch_answer *answer, struct json_view *view, char *bytes,
                     struct claims *claims, struct verdict *verdict);
/* What introspect_read() left in `verdict` is that the endpoint will not speak of such tokens (VERDICT_OPAQUE). */
bool introspect_unsupported(const struct verdict *verdict);

#endif
