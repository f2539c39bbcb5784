/* admin_providers.c - the calls about identity providers: which there are, and whether they answer. */
#include "admin/admin_providers.h"

#include "admin/admin_findings.h"
#include "base/memory.h"

static struct json *texts(char *const *list)
{
    struct json *array = json_new_array();
    for (size_t i = 0; list != NULL && list[i] != NULL; i++) {
        json_append_text(array, span_of(list[i]));
    }
    return array;
}

static const char *check_name(enum provider_check check)
{
    switch (check) {
    case PROVIDER_CHECK_AUTO:
        return "auto";
    case PROVIDER_CHECK_JWT:
        return "jwt";
    case PROVIDER_CHECK_JWT_USERINFO:
        return "jwt+userinfo";
    case PROVIDER_CHECK_INTROSPECTION:
        return "introspection";
    case PROVIDER_CHECK_USERINFO:
        return "userinfo";
    case PROVIDER_CHECK_TOKENINFO:
        break;
    }
    return "tokeninfo";
}

static struct json *provider_json(const struct provider *provider)
{
    struct json *shown = json_new_object();
    json_put_text(shown, "name", span_of(provider->name));
    if (provider->preset != NULL) {
        json_put_text(shown, "preset", span_of(provider->preset));
    }
    json_put_text(shown, "check", span_of(check_name(provider->check)));
    json_put(shown, "domains", texts(provider->domains));
    json_put(shown, "issuers", texts(provider->issuers));
    json_put(shown, "clients", texts(provider->clients));
    json_put(shown, "audiences", texts(provider->audiences));
    if (provider->shown != NULL) {
        json_put_text(shown, "shown", span_of(provider->shown));
    }
    return shown;
}

void admin_providers_list(struct admin_call *call)
{
    struct token_generation *generation = token_checks_hold(call->services->tokens);
    const struct provider_set *set = token_checks_providers(generation);
    struct json *list = json_new_array(), *answer = json_new_object();
    for (size_t i = 0; i < set->count; i++) {
        json_append(list, provider_json(&set->providers[i]));
    }
    token_checks_release(generation);
    json_put(answer, "providers", list);
    admin_call_answer(call, 200, answer);
}

static void on_tested(const struct finding_list *findings, void *context)
{
    struct admin_call *call = context;
    call->provider_test = NULL;
    struct json *answer = json_new_object();
    json_put_text(answer, "code", SPAN_LITERAL("done"));
    json_put_text(answer, "provider", call->name);
    json_put_text(answer, "worst", span_of(finding_level_name(finding_worst(findings))));
    json_put(answer, "findings", admin_findings(findings));
    admin_call_answer(call, 200, answer);
}

static bool exists(const struct admin_call *call)
{
    struct token_generation *generation = token_checks_hold(call->services->tokens);
    const struct provider_set *set = token_checks_providers(generation);
    bool found = false;
    for (size_t i = 0; i < set->count; i++) {
        found = found || span_is(call->name, set->providers[i].name);
    }
    token_checks_release(generation);
    return found;
}

void admin_providers_test(struct admin_call *call)
{
    if (!exists(call)) {
        admin_call_refuse(call, 404, "not_found",
                          "no such provider: `postern provider list` names them");
        return;
    }
    call->provider_test = provider_test_start(call->services->loop, call->services->tokens,
                                              span_text(&call->arena, call->name), on_tested, call);
}
