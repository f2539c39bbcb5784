/* token_metrics.h - what the token checks count and show: verdicts, cache, providers, keys, queues. */
#ifndef TOKEN_TOKEN_METRICS_H
#define TOKEN_TOKEN_METRICS_H

#include "base/metrics.h"
#include "token/token_check.h"
#include "token/token_way.h"

/* Adds the families, once; `checks` must live as long as `metrics` is read. */
void token_metrics_add(struct token_checks *checks, struct metrics *metrics);
/* One check that was not answered by the cache. */
void token_metrics_count(struct token_checks *checks, const struct provider *provider,
                         enum token_way way, const struct verdict *verdict, int64_t ms);

#endif
