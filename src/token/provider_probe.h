/* provider_probe.h - what one answer of a provider says about its health: for provider_test.c. Asks nobody. */
#ifndef TOKEN_PROVIDER_PROBE_H
#define TOKEN_PROVIDER_PROBE_H

#include "net/fetch.h"
#include "token/discovery.h"
#include "token/provider.h"

struct provider_probe {
    const struct provider *provider;
    struct finding_list *findings;
    int64_t now;            /* wall seconds, when the answer came */
    const char *asked;      /* the URL, as it may be shown */
    struct span host;       /* of it */
    const char *issuer;     /* whose document or keys it is; NULL: none */
    bool needs_keys;        /* JWTs are proved locally */
    bool *told_clock;       /* said once of a provider */
    bool *unsigned_by_keys; /* found to sign with HS256, or to publish no keys */
};

/* No answer at all: DNS, connection, TLS, address. true when there was one, whose clock and certificate were judged. */
bool provider_probe_arrived(const struct provider_probe *probe, const struct fetch_answer *answer);
/* 200: fills `discovery` (to be given back) when the document is good, and returns whether. */
bool provider_probe_document(const struct provider_probe *probe, const struct fetch_answer *answer,
                             struct discovery *discovery);
void provider_probe_keys(const struct provider_probe *probe, const struct fetch_answer *answer);
/* These three were asked with a made-up token. */
void provider_probe_userinfo(const struct provider_probe *probe, const struct fetch_answer *answer);
void provider_probe_introspection(const struct provider_probe *probe,
                                  const struct fetch_answer *answer);
void provider_probe_tokeninfo(const struct provider_probe *probe,
                              const struct fetch_answer *answer);

#endif
