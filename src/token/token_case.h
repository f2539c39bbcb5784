/* token_case.h - what is known of one token, and what each source adds to it. Waits for nothing and owns nothing:
 * token_check.c does. Internal to token/. */
#ifndef TOKEN_TOKEN_CASE_H
#define TOKEN_TOKEN_CASE_H

#include "base/finding.h"
#include "token/claims.h"
#include "token/introspect.h"
#include "token/issuer.h"
#include "token/token_way.h"
#include "wire/jwt.h"

/* Large, so there is one: what is read into it is judged before anybody else reads. */
struct token_scratch {
    struct jwt jwt;
    struct json_view view;
    struct claims claims;
    char bytes[INTROSPECT_SIZE_MAX + 1];
};

struct token_case {
    const struct provider *provider; /* NULL until the token's issuer has told */
    struct issuer *issuer;           /* that it names, or the provider's first; NULL: it has none */
    struct token_known known;
    enum token_way way; /* what is being asked */
    struct verdict verdict;
    struct finding_list *findings; /* NULL: nobody listens */
};

struct span token_case_issuer_named(const struct jwt *jwt); /* iss; empty when it is no string */
/* A JWT in `scratch->jwt`, judged before it is proved: what would be refused anyway costs no signature and fetches
 * no key. false: the verdict says why. */
bool token_case_judge_jwt(struct token_case *of, struct token_scratch *scratch, int64_t now);
/* Where to ask `of->way`; NULL: discovery has not told, or names none. */
const char *token_case_endpoint(const struct token_case *of);
/* The question. false: the verdict says why there is none. introspect_request_done() it. */
bool token_case_request(struct token_case *of, const struct secret *token, int64_t now,
                        struct introspect_request *request);
/* The answer to it. false: the verdict says why it ends here. */
bool token_case_hear(struct token_case *of, struct token_scratch *scratch,
                     const struct fetch_answer *answer, int64_t now);

#endif
