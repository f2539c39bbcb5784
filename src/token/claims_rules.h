/* claims_rules.h - the rules by which a token may sign in, one after the other, for claims.c to judge by and for
 * claims_explain.c to explain. Pure. */
#ifndef TOKEN_CLAIMS_RULES_H
#define TOKEN_CLAIMS_RULES_H

#include "token/claims.h"

struct claims_question {
    const struct provider *provider;
    const struct claims *claims;
    int64_t now; /* wall seconds */
};

/* VERDICT_NO_REASON: the rule is kept. `detail` is a fixed text. */
struct claims_fault {
    enum verdict_reason reason;
    const char *detail;
};

/* In the order of judgement. */
enum claims_rule_number {
    CLAIMS_RULE_ACTIVE,
    CLAIMS_RULE_GRAPH,
    CLAIMS_RULE_TYPE,
    CLAIMS_RULE_BOUND,
    CLAIMS_RULE_ISSUER,
    CLAIMS_RULE_TIME,
    CLAIMS_RULE_EXPIRED,
    CLAIMS_RULE_NOT_YET,
    CLAIMS_RULE_AGE,
    CLAIMS_RULE_AUDIENCE,
    CLAIMS_RULE_CLIENT,
    CLAIMS_RULE_OF_CLIENT,
    CLAIMS_RULE_SCOPE,
    CLAIMS_RULES,
};

struct claims_rule {
    const char *code; /* of its finding */
    unsigned sources; /* bits (1 << enum claims_source): where it holds */
    struct claims_fault (*judge)(const struct claims_question *question);
};
extern const struct claims_rule claims_rules[CLAIMS_RULES];

/* A rule that does not hold for the source is kept. */
struct claims_fault claims_rules_judge(enum claims_rule_number number,
                                       const struct claims_question *question);
/* The bits of the protocols whose own scopes are there; where none are asked for they are. */
unsigned claims_rules_protocols(const struct provider *provider, const struct claims *claims);
/* A JWT that is not known to be an access token: header typ at+jwt, or the provider's mark. */
bool claims_rules_id_token(const struct provider *provider, const struct claims *claims);
/* Microsoft Graph, of any of its clouds. */
bool claims_rules_is_graph(struct span audience);
bool claims_rules_set(char *const *list); /* there, and not empty */
bool claims_rules_names(char *const *list, struct span item);
bool claims_rules_has(const struct claims_list *list, const char *item);

#endif
