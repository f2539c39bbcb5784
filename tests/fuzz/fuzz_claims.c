/* fuzz_claims.c - any JSON as claims, from every source, for providers of several kinds. */
#include "fuzz_token.h"

static struct jwt jwt;
static struct json_view view;

static void check_list(const struct claims_list *list)
{
    assert(list->count <= CLAIMS_LIST_MAX && (list->presence != CLAIMS_ABSENT || list->count == 0));
    for (size_t i = 0; list->presence == CLAIMS_THERE && i < list->count; i++) {
        assert(!span_empty(list->items[i]) && text_utf8(list->items[i]));
    }
}

static void check(const struct provider *provider, const struct claims *claims)
{
    check_list(&claims->audiences);
    check_list(&claims->scopes);
    check_list(&claims->clients);
    assert(claims->expires.presence != CLAIMS_THERE || claims->expires.seconds >= 0);
    fuzz_judge(provider, claims);
}

static bool parse(struct json_view *into, struct span text, char *bytes)
{
    const char *problem;
    if (!span_empty(text)) {
        memcpy(bytes, text.at, text.length);
    }
    return json_view_parse(into, bytes, text.length, &problem);
}

/* The first byte: provider, and source or header type. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const TYPES[] = {"", "JWT", "at+jwt", "application/at+jwt", "logout+jwt"};
    static char bytes[64 * 1024];
    static struct claims claims;
    struct span text;
    unsigned choice = fuzz_choice(data, size, &text);
    const struct provider *provider = fuzz_provider(choice);
    unsigned way = choice / FUZZ_PROVIDERS % 8;
    if (text.length > sizeof bytes) {
        return 0;
    }
    if (way < 5) {
        jwt.type = span_of(TYPES[way]);
        jwt.content_type = span_of(choice >= 248 ? "JWT" : "");
        if (parse(&jwt.claims, text, bytes)) {
            claims_read_jwt(provider, &jwt, &claims);
            assert(claims.source == CLAIMS_JWT);
            check(provider, &claims);
        }
    } else if (parse(&view, text, bytes)) {
        claims_read(provider, CLAIMS_INTROSPECTION + (way - 5), &view, &claims);
        check(provider, &claims);
    }
    return 0;
}
