/* token_explain.h - the steps of a check, told for `postern token check`: what was seen, what was expected, what to change.
 * Without a list of findings each does nothing. Internal to token/. */
#ifndef TOKEN_TOKEN_EXPLAIN_H
#define TOKEN_TOKEN_EXPLAIN_H

#include "token/signature_queue.h"
#include "token/token_case.h"

void token_explain_shape(struct finding_list *findings, enum jwt_shape shape,
                         const struct jwt *jwt);
/* Nobody was asked: no provider, or too many checks. */
void token_explain_turned_away(struct finding_list *findings, const struct verdict *verdict,
                               bool named);
/* Which provider it is, and whether one of its issuers made the token. */
void token_explain_provider(const struct token_case *of, const struct provider_set *set,
                            enum jwt_shape shape, const struct jwt *jwt, struct span domain);
void token_explain_way(const struct token_case *of);
/* Algorithm and claims of the JWT in `scratch`. */
void token_explain_jwt(const struct token_case *of, struct token_scratch *scratch, int64_t now);
void token_explain_key(const struct token_case *of, const struct keyset *keys,
                       const struct jwt *jwt, enum keyset_answer answer);
void token_explain_signature(struct finding_list *findings, enum signature_answer answer);
/* An answer of introspection or tokeninfo, and whom an answer names. */
void token_explain_answer(struct finding_list *findings, const struct provider *provider,
                          const struct claims *claims, int64_t now);
void token_explain_identity(struct finding_list *findings, const struct provider *provider,
                            const struct claims *claims);
/* What came of asking: statuses, failures. */
void token_explain_asked(const struct token_case *of, const struct fetch_answer *answer,
                         bool goes_on);
/* The endpoint could not be asked at all. */
void token_explain_not_asked(const struct token_case *of);

#endif
