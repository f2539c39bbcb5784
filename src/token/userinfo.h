/* userinfo.h - a token checked at the userinfo endpoint (OpenID Connect Core, 5.3): the request, and
 * what its answer means. Holds no state: token_check.c keeps the fetch.
 *
 * Only the status decides between "no" and "cannot say" (RFC 6750, 3.1; providers differ in
 * WWW-Authenticate). 400, 401: the token is not valid. 403: forbidden, whatever the body says.
 * Every other status but 200, an answer that is not application/json, is no JSON object, names a
 * member twice or is larger than USERINFO_SIZE_MAX: the provider is in trouble, not the token. */
#ifndef TOKEN_USERINFO_H
#define TOKEN_USERINFO_H

#include "net/fetch.h"
#include "token/claims.h"

enum { USERINFO_SIZE_MAX = 64 * 1024 };

/* GET with the token in the Authorization header and nowhere else (RFC 6750, 2.1). The request is
 * made of views of `provider`, `url` and `token`. */
struct fetch_request userinfo_request(const struct provider *provider, const char *url,
                                      const struct secret *token);

/* Reads an answer, with `view` and `bytes` (USERINFO_SIZE_MAX of room) as scratch: true when there are claims (views into
 * them) for claims_identify(); else `verdict` (its answer, reason, status and detail) says why not. `active: false` in
 * the body is a refusal. With PROVIDER_EMAIL_TRUST an answer may lack the content type, as docker-mailserver's own test
 * provider does. */
bool userinfo_read(const struct provider *provider, const struct fetch_answer *answer,
                   struct json_view *view, char *bytes, struct claims *claims,
                   struct verdict *verdict);

#endif
