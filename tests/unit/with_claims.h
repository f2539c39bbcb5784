/* with_claims.h - a provider made of a line of a vector, and claims made of a few members over a good token's. */
#ifndef UNIT_WITH_CLAIMS_H
#define UNIT_WITH_CLAIMS_H

#include "vectors.h"

#include "token/claims.h"

enum { CLAIMS_NOW = 1800000000, WITH_ITEMS_MAX = 8, WITH_TEXT_MAX = 1024 };

/* Settings as "name=a,b;name=c": texts live in it. */
struct with_provider {
    struct provider provider;
    char *lists[16][WITH_ITEMS_MAX + 1];
    size_t lists_count;
    char text[WITH_TEXT_MAX];
    size_t used;
};

static inline char *with_text(struct with_provider *with, struct span text)
{
    char *at = &with->text[with->used];
    assert_true(with->used + text.length + 1 < WITH_TEXT_MAX);
    memcpy(at, text.at, text.length);
    at[text.length] = '\0';
    with->used += text.length + 1;
    return at;
}

static inline char **with_list(struct with_provider *with, struct span items)
{
    char **list = with->lists[with->lists_count++];
    struct span item;
    size_t count = 0;
    assert_true(with->lists_count < 16);
    while (!span_empty(items) && span_cut(&items, ',', &item)) {
        assert_true(count < WITH_ITEMS_MAX);
        list[count++] = with_text(with, item);
    }
    return list;
}

static inline int with_choice(struct span value, const char *const *names)
{
    for (int i = 0; names[i] != NULL; i++) {
        if (span_is(value, names[i])) {
            return i;
        }
    }
    fail_msg("no such choice: %.*s", (int)value.length, value.at);
    return 0;
}

static inline void with_setting(struct with_provider *with, struct span name, struct span value)
{
    static const char *const MARKS[] = {"none", "typ_bearer", "uid", "at_jwt", "scp", NULL};
    static const char *const VERIFIED[] = {"require", "if_present", "trust", NULL};
    static const char *const AUTHS[] = {"basic", "post", "key", "bearer", "none", NULL};
    struct provider *provider = &with->provider;
    const struct {
        const char *name;
        char ***list;
    } LISTS[] = {
        {"issuer", &provider->issuers},
        {"audiences", &provider->audiences},
        {"clients", &provider->clients},
        {"scopes", &provider->scopes},
        {"domains", &provider->domains},
        {"hosted_domains", &provider->hosted_domains},
        {"scope_imap", &provider->scopes_of[PROVIDER_IMAP]},
        {"scope_pop3", &provider->scopes_of[PROVIDER_POP3]},
        {"scope_smtp", &provider->scopes_of[PROVIDER_SMTP]},
        {"scope_sieve", &provider->scopes_of[PROVIDER_SIEVE]},
    };
    const struct {
        const char *name;
        char **text;
    } TEXTS[] = {
        {"username_claim", &provider->username_claim},
        {"username_template", &provider->username_template},
        {"subject_claim", &provider->subject_claim},
        {"preset", &provider->preset},
        {"id", &provider->introspection.id},
        {"secret", &provider->introspection.secret},
        {"tokeninfo", &provider->tokeninfo},
    };
    uint64_t number = 0;
    for (size_t i = 0; i < sizeof LISTS / sizeof *LISTS; i++) {
        if (span_is(name, LISTS[i].name)) {
            *LISTS[i].list = with_list(with, value);
            return;
        }
    }
    for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++) {
        if (span_is(name, TEXTS[i].name)) {
            *TEXTS[i].text = with_text(with, value);
            return;
        }
    }
    if (span_is(name, "mark")) {
        provider->mark = (enum provider_mark)with_choice(value, MARKS);
    } else if (span_is(name, "email_verified")) {
        provider->email_verified = (enum provider_email_verified)with_choice(value, VERIFIED);
    } else if (span_is(name, "auth")) {
        provider->introspection.auth = (enum provider_auth)with_choice(value, AUTHS);
    } else if (span_is(name, "id_tokens")) {
        provider->id_tokens = true;
    } else if (span_is(name, "any_client")) {
        provider->any_client = true;
    } else if (span_is(name, "leeway") && span_number(value, 60, &number)) {
        provider->leeway_s = (int64_t)number;
    } else if (span_is(name, "max_age") && span_number(value, 1000000, &number)) {
        provider->max_age_s = (int64_t)number;
    } else {
        fail_msg("no such setting: %.*s", (int)name.length, name.at);
    }
}

static inline void with_settings(struct with_provider *with, struct span settings)
{
    struct span setting;
    while (!span_empty(settings) && span_cut(&settings, ';', &setting)) {
        size_t at = span_find(setting, '=');
        with_setting(with, span_first(setting, at), span_from(setting, at + 1));
    }
}

/* A provider as an admin would set it up, and what `settings` changes. */
static inline void with_provider_init(struct with_provider *with, struct span settings)
{
    static char name[] = "work";
    *with = (struct with_provider){.provider = {.name = name, .leeway_s = 30}};
    with_settings(
        with, SPAN_LITERAL(
                  "issuer=https://id.example.com;audiences=mail;clients=tb;domains=example.com"));
    with_settings(with, settings);
}

static inline bool with_names(struct span words, const char *name)
{
    struct span word;
    while (!span_empty(words) && span_cut(&words, ' ', &word)) {
        if (span_is(word, name)) {
            return true;
        }
    }
    return false;
}

/* A good token's claims, with these members instead or beside, and those left out. */
static inline void with_claims(struct span members, struct span without, struct buffer *document)
{
    static const struct {
        const char *name, *value;
    } BASE[] = {
        {"iss", "\"https://id.example.com\""},
        {"sub", "\"s-1\""},
        {"aud", "\"mail\""},
        {"client_id", "\"tb\""},
        {"exp", "1800000300"},
        {"iat", "1799999900"},
        {"email", "\"alice@example.com\""},
        {"scope", "\"openid email\""},
    };
    static struct json_view view;
    const char *problem = "";
    char *copy = memory_new(members.length + 1, 1);
    memcpy(copy, members.at, members.length);
    bool parsed = json_view_parse(&view, copy, members.length, &problem);
    if (!parsed) {
        fail_msg("members: %s", problem);
    }
    buffer_add_byte(document, '{');
    for (size_t i = 0; i < sizeof BASE / sizeof *BASE; i++) {
        if (json_view_member(&view, json_view_top(&view), span_of(BASE[i].name)) == NULL &&
            !with_names(without, BASE[i].name)) {
            buffer_format(document, "\"%s\":%s,", BASE[i].name, BASE[i].value);
        }
    }
    buffer_add_text(document, "\"jti\":\"JTI-SECRET\"");
    if (json_view_first(&view, json_view_top(&view)) != NULL) {
        buffer_add_byte(document, ',');
    }
    buffer_add(document, span_from(members, 1));
    memory_free(copy);
}

#endif
