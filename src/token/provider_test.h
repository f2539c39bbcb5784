/* provider_test.h - `postern provider test`: asks a provider everything that a login would need, and says what it found.
 *
 * For each issuer: discovery (the URL, TLS, the issuer inside), keys (kinds, sizes, those left out and why), the clock
 * (the Date header against ours), the certificate's end; then the endpoints: userinfo (must refuse a made-up token),
 * introspection (must accept our credentials and call a made-up token inactive), tokeninfo. Bounded: one request at
 * a time, over connections of its own. No secret is ever part of a finding. */
#ifndef TOKEN_PROVIDER_TEST_H
#define TOKEN_PROVIDER_TEST_H

#include "base/finding.h"
#include "token/token_check.h"

struct provider_test;
/* The list is the callee's to read during the call. */
typedef void provider_test_fn(const struct finding_list *findings, void *context);

/* The providers in use now are held until it is over. */
struct provider_test *provider_test_start(struct loop *loop, struct token_checks *checks,
                                          const char *provider_name, /* must be one: asserted */
                                          provider_test_fn *fn, void *context);
void provider_test_cancel(struct provider_test *test); /* takes NULL; not after fn() ran */

#endif
