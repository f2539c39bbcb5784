/* claims_identity.h - whose a token is: the rules about address, subject and hosted domain, for claims.c to judge by and for
 * claims_explain.c to explain. Pure. */
#ifndef TOKEN_CLAIMS_IDENTITY_H
#define TOKEN_CLAIMS_IDENTITY_H

#include "token/claims_rules.h"

/* VERDICT_NO_ADDRESS or VERDICT_BAD_ADDRESS, with the reason of the parser in `error`. */
struct claims_fault claims_identity_address(const struct provider *provider,
                                            const struct claims *claims, struct address *address,
                                            struct error *error);
/* VERDICT_NO_SUBJECT. PROVIDER_EMAIL_TRUST takes one that is absent. */
struct claims_fault claims_identity_subject(const struct provider *provider,
                                            const struct claims *claims);
/* VERDICT_HOSTED_DOMAIN; VERDICT_NO_ADDRESS from tokeninfo, which leaves `hd` to userinfo. */
struct claims_fault claims_identity_hosted(const struct provider *provider,
                                           const struct claims *claims);
/* What email_verified says of this address: nothing, unless it is the one in the claim `email`. */
enum verdict_verified claims_identity_verified(const struct provider *provider,
                                               const struct claims *claims,
                                               const struct address *address);

#endif
