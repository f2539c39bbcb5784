/* token_way.h - what is to be asked next about one token, from how its provider is asked and what is known. */
#ifndef TOKEN_TOKEN_WAY_H
#define TOKEN_TOKEN_WAY_H

#include "net/fetch.h"
#include "token/verdict.h"

enum token_way {
    TOKEN_WAY_REFUSE, /* VERDICT_OPAQUE: nobody who is asked could say for whom it was issued */
    TOKEN_WAY_PROVE,  /* by the keys of its issuer */
    TOKEN_WAY_INTROSPECT,
    TOKEN_WAY_TOKENINFO,
    TOKEN_WAY_USERINFO,
    TOKEN_WAY_DONE, /* what is known is all that will be */
};

/* What has happened so far. */
struct token_known {
    bool jwt; /* it has that form, and the provider has issuers */
    bool proved, introspected, tokeninfo, userinfo;
    bool unsupported; /* the introspection endpoint does not speak of such tokens */
    bool identified;  /* somebody said whose it is */
};

enum token_way token_way_next(const struct provider *provider, const struct token_known *known);
/* Where the request to `request->url` may connect to (fetch.h): a host of the provider's issuers wherever the admin put
 * it, or at `connect_to`; an endpoint that the admin typed anywhere; any other only at a public address. */
void token_way_reach(const struct provider *provider, struct fetch_request *request);
const char *token_way_name(
    enum token_way way); /* "jwt", "introspection", … for metrics and findings */

#endif
