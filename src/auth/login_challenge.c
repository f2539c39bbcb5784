/* login_challenge.c - what a client is told in the middle of an exchange: prompts, and why a token was refused. */
#include "auth/login_challenge.h"

struct span login_challenge_prompt(enum sasl_mechanism mechanism, bool password_next)
{
    if (mechanism != SASL_LOGIN) {
        return (struct span){0};
    }
    return password_next ? SPAN_LITERAL("Password:") : SPAN_LITERAL("Username:");
}

void login_challenge_error(enum sasl_mechanism mechanism, const struct token_checks *tokens,
                           const struct address *name, const char *status, struct buffer *json)
{
    if (mechanism != SASL_OAUTHBEARER) {
        return;
    }
    const struct provider *provider = token_checks_provider(tokens, name);
    sasl_error_json(span_of(status), span_of(provider == NULL ? NULL : provider->scope),
                    span_of(provider == NULL ? NULL : provider->configuration_url), json);
}
