/* admin_client_changes.c - the calls that make and change provisioning clients. */
#include "admin/admin_client_changes.h"

#include "admin/admin_changes.h"
#include "admin/admin_clients.h"
#include "base/memory.h"
#include "wire/ip_address.h"

enum { TEXT_MAX = 32 * 1024, ADOPT_DEFAULT_S = 7 * 24 * 3600 };

/* Refusing. */

static bool invalid(struct admin_call *call, const char *text)
{
    admin_call_refuse(call, 400, "invalid", text);
    return false;
}

static bool invalid_word(struct admin_call *call, const char *name, struct span word,
                         const char *why)
{
    return invalid(call, arena_format(&call->arena, "%s: %.*s: %s", name, (int)word.length,
                                      word.at == NULL ? "" : word.at, why));
}

/* Lists come parted by commas, blanks or both, and are kept parted by one blank each. */

typedef bool word_fn(struct admin_call *call, struct span word, struct buffer *out);

static bool take_words(struct admin_call *call, struct span text, word_fn *take, struct span *words)
{
    CLEANUP(buffer_done) struct buffer list = buffer_limited(TEXT_MAX);
    struct span part, word;
    while (span_cut(&text, ',', &part)) {
        while (span_cut(&part, ' ', &word)) {
            if (span_empty(word)) {
                continue;
            }
            buffer_add_text(&list, list.length > 0 ? " " : "");
            if (!take(call, word, &list)) {
                return false;
            }
        }
    }
    if (buffer_full(&list)) {
        return invalid(call, "that list is too long");
    }
    *words = span_copy(&call->arena, buffer_span(&list));
    return true;
}

static size_t count_words(struct span words)
{
    size_t count = 0;
    struct span word;
    while (span_cut(&words, ' ', &word)) {
        count += !span_empty(word);
    }
    return count;
}

static bool has_word(struct span words, struct span wanted)
{
    struct span word;
    while (span_cut(&words, ' ', &word)) {
        if (span_equal(word, wanted)) {
            return true;
        }
    }
    return false;
}

/* A domain in its normal form that is ours. */
static bool take_domain(struct admin_call *call, struct span word, struct buffer *out)
{
    char domain[ADDRESS_DOMAIN_MAX + 1];
    struct error error;
    if (!address_parse_domain(word, domain, &error)) {
        return invalid_word(call, "domains", word, error.text);
    }
    switch (directory_domain(call->services->directory, span_of(domain))) {
    case DIRECTORY_FOUND:
        buffer_add_text(out, domain);
        return true;
    case DIRECTORY_NONE:
        admin_call_refuse(
            call, 422, "refused",
            arena_format(&call->arena, "add the domain first: postern domain add %s", domain));
        return false;
    case DIRECTORY_UNAVAILABLE:
        break;
    }
    admin_call_unreadable(call);
    return false;
}

static bool take_network(struct admin_call *call, struct span word, struct buffer *out)
{
    struct ip_address_range range;
    if (!ip_address_range_parse(word, &range)) {
        return invalid_word(call, "networks", word,
                            "neither an address nor a network such as 192.0.2.0/24");
    }
    buffer_add(out, word);
    return true;
}

/* What the body gives; what it does not give stays as it is. Each is false when the call has been refused. */

static bool read_domains(struct admin_call *call, struct client *client)
{
    struct span text;
    if (!admin_call_text(call, "domains", &text)) {
        return true;
    }
    if (!take_words(call, text, take_domain, &client->domains)) {
        return false;
    }
    return count_words(client->domains) <= CLIENT_DOMAINS_MAX ||
           invalid(call, "domains: too many for one client");
}

static bool read_networks(struct admin_call *call, struct client *client)
{
    struct span text;
    if (!admin_call_text(call, "networks", &text)) {
        return true;
    }
    if (!take_words(call, text, take_network, &client->networks)) {
        return false;
    }
    return count_words(client->networks) <= CLIENT_NETWORKS_MAX ||
           invalid(call, "networks: too many for one client");
}

static bool read_rights(struct admin_call *call, struct client *client)
{
    struct span text;
    struct error error;
    if (!admin_call_text(call, "rights", &text)) {
        return true;
    }
    return client_rights_parse(text, &client->rights, &error) ||
           invalid(call, arena_format(&call->arena, "rights: %s", error.text));
}

static bool read_members(struct admin_call *call, struct client *client)
{
    struct span text;
    if (!admin_call_text(call, "unknown_members", &text)) {
        return true;
    }
    client->members = span_is(text, "skip") ? CLIENT_MEMBERS_SKIP : CLIENT_MEMBERS_REJECT;
    return span_is(text, "skip") || span_is(text, "reject") ||
           invalid_word(call, "unknown_members", text, "must be reject or skip");
}

static bool read_seconds(struct admin_call *call, const char *name, int64_t *seconds)
{
    if (!admin_call_number(call, name, seconds)) {
        return true;
    }
    return (*seconds >= 0 && *seconds <= INT32_MAX) ||
           invalid(call, arena_format(&call->arena, "%s: out of range", name));
}

static bool read_adopt(struct admin_call *call, struct client *client)
{
    static const char *const NAMES[] = {
        [CLIENT_ADOPT_NEVER] = "never",
        [CLIENT_ADOPT_EXTERNAL_ID] = "externalId",
        [CLIENT_ADOPT_ADDRESS] = "address",
    };
    struct span text;
    int64_t seconds = ADOPT_DEFAULT_S;
    bool timed = json_member(call->body, "adopt_for") != NULL;
    bool given = admin_call_text(call, "adopt", &text);
    if (!read_seconds(call, "adopt_for", &seconds)) {
        return false;
    }
    if (given) {
        size_t i = 0;
        while (i < sizeof NAMES / sizeof *NAMES && !span_is_fold(text, NAMES[i])) {
            i++;
        }
        if (i == sizeof NAMES / sizeof *NAMES) {
            return invalid_word(call, "adopt", text, "must be never, externalId or address");
        }
        client->adopt = (enum client_adopt)i;
    }
    if (timed && client->adopt != CLIENT_ADOPT_ADDRESS) {
        return invalid(call, "adopt_for: only adoption by address has an end");
    }
    if (given || timed) {
        int64_t now = loop_wall(call->services->loop);
        client->adopt_until = client->adopt == CLIENT_ADOPT_ADDRESS ? now + seconds : 0;
    }
    return true;
}

static void read_text(struct admin_call *call, const char *name, struct span *text)
{
    struct span given;
    if (admin_call_text(call, name, &given)) {
        *text = given;
    }
}

/* What must fit together. */

static bool check_default_domain(struct admin_call *call, struct client *client)
{
    char domain[ADDRESS_DOMAIN_MAX + 1];
    struct error error;
    if (span_empty(client->default_domain)) {
        return true;
    }
    if (!address_parse_domain(client->default_domain, domain, &error)) {
        return invalid_word(call, "default_domain", client->default_domain, error.text);
    }
    client->default_domain = span_copy(&call->arena, span_of(domain));
    return has_word(client->domains, client->default_domain) ||
           invalid_word(call, "default_domain", client->default_domain,
                        "must be one of its domains");
}

/* "%s@lists.example.com": one %s, in the local part, where every name gives a well-formed address. */
static bool check_template(struct admin_call *call, struct client *client)
{
    struct span whole = client->group_template;
    struct address address;
    struct error error;
    if (span_empty(whole)) {
        return true;
    }
    size_t at = span_search(whole, SPAN_LITERAL("%s"));
    size_t sign = span_find_last(whole, '@');
    if (at >= sign || sign == whole.length || whole.length > ADDRESS_MAX) {
        return invalid_word(call, "group_template", whole, "must be like %s@lists.example.com");
    }
    const char *sample =
        arena_format(&call->arena, "%.*sx%.*s", (int)at, whole.at,
                     (int)(whole.length - at - strlen("%s")), whole.at + at + strlen("%s"));
    if (!address_parse(span_of(sample), &address, &error)) {
        return invalid_word(call, "group_template", whole, error.text);
    }
    client->group_template = span_of(arena_format(&call->arena, "%.*s%s", (int)sign, whole.at,
                                                  address.text + address.local_length));
    return has_word(client->domains, address_domain(&address)) ||
           invalid_word(call, "group_template", whole, "its domain must be one of its domains");
}

/* The first of the client's domains for which the provider does not speak; empty: none. */
static struct span unspoken(const struct provider *provider, struct span domains)
{
    struct span domain;
    while (span_cut(&domains, ' ', &domain)) {
        if (!span_empty(domain) && !provider_speaks_for(provider, domain)) {
            return domain;
        }
    }
    return (struct span){0};
}

static bool check_provider_in(struct admin_call *call, const struct provider_set *set,
                              const struct client *client)
{
    for (size_t i = 0; i < set->count; i++) {
        if (span_is(client->provider, set->providers[i].name)) {
            struct span domain = unspoken(&set->providers[i], client->domains);
            return span_empty(domain) ||
                   invalid_word(call, "provider", client->provider,
                                arena_format(&call->arena, "it does not speak for %.*s",
                                             (int)domain.length, domain.at));
        }
    }
    return invalid_word(call, "provider", client->provider,
                        "no such provider: `postern provider list` names them");
}

/* Whoever it provisions signs in with that provider's tokens: it must be allowed to speak for them. */
static bool check_provider(struct admin_call *call, const struct client *client)
{
    if (span_empty(client->provider)) {
        return true;
    }
    struct token_generation *generation = token_checks_hold(call->services->tokens);
    bool good = check_provider_in(call, token_checks_providers(generation), client);
    token_checks_release(generation);
    return good;
}

static bool read_client(struct admin_call *call, struct client *client)
{
    read_text(call, "default_domain", &client->default_domain);
    read_text(call, "group_template", &client->group_template);
    read_text(call, "provider", &client->provider);
    return read_domains(call, client) && read_networks(call, client) && read_rights(call, client) &&
           read_members(call, client) && read_adopt(call, client) && admin_call_texts_good(call) &&
           check_default_domain(call, client) && check_template(call, client) &&
           check_provider(call, client);
}

/* Answering. */

void admin_client_changes_put_base(struct admin_call *call, struct json *object)
{
    const char *url = call->services->public_url;
    if (url == NULL) {
        json_put_null(object, "base_url");
        return;
    }
    json_put_text(object, "base_url",
                  span_of(arena_format(&call->arena, "%s%sscim/v2", url,
                                       span_ends(span_of(url), "/") ? "" : "/")));
}

/* As it is now, should it be readable. */
static void complete(struct admin_call *call, struct json *answer)
{
    struct client now = {0};
    if (client_by_name(call->services->store, call->change.client->name, &call->arena, &now) ==
        STORE_ROW) {
        json_put(answer, "client", admin_clients_json(&now));
    }
}

static void start(struct admin_call *call, enum change_kind kind, const struct client *client)
{
    call->change.kind = kind;
    call->change.client = client;
    call->complete = complete;
    admin_changes_start(call);
}

/* The answer holds the text, the change its hash. */
static void make_secret(struct admin_call *call, int64_t lifetime)
{
    CLEANUP(secret_done) struct secret text = {0};
    int64_t now = loop_wall(call->services->loop);
    client_secret_new(&text, &call->change.secret.hash);
    call->change.secret.created = now;
    call->change.secret.expires = lifetime > 0 ? now + lifetime : 0;
    call->answer = json_new_object();
    json_put_text(call->answer, "secret", secret_reveal(&text));
    admin_call_put_time(call->answer, "expires", call->change.secret.expires);
    admin_client_changes_put_base(call, call->answer);
}

/* Life. */

static struct client *new_client(struct admin_call *call)
{
    struct client *client = arena_new(&call->arena, sizeof *client);
    client->rights = CLIENT_USERS | CLIENT_GROUPS;
    return client;
}

void admin_client_changes_add(struct admin_call *call)
{
    struct client *client = new_client(call);
    int64_t lifetime = 0;
    admin_call_text(call, "name", &client->name);
    if (!read_seconds(call, "expires_in", &lifetime) || !read_client(call, client)) {
        return;
    }
    if (!client_name_valid(client->name)) {
        invalid(call, "name: letters, digits, \".\", \"_\" and \"-\", at most 63");
        return;
    }
    make_secret(call, lifetime);
    start(call, CHANGE_CLIENT_ADD, client);
}

bool admin_client_changes_find(struct admin_call *call, struct client *client)
{
    switch (client_name_valid(call->name)
                ? client_by_name(call->services->store, call->name, &call->arena, client)
                : STORE_NONE) {
    case STORE_ROW:
        return true;
    case STORE_NONE:
        admin_call_refuse(call, 404, "not_found",
                          "no such client: `postern scim-token list` names them");
        return false;
    case STORE_ASK:
        break;
    }
    admin_call_unreadable(call);
    return false;
}

void admin_client_changes_set(struct admin_call *call)
{
    struct client *client = new_client(call);
    if (admin_client_changes_find(call, client) && read_client(call, client)) {
        call->change.version_read = client->version;
        start(call, CHANGE_CLIENT_SET, client);
    }
}

void admin_client_changes_release(struct admin_call *call)
{
    struct client *client = new_client(call);
    if (admin_client_changes_find(call, client)) {
        start(call, CHANGE_CLIENT_RELEASE, client);
    }
}

void admin_client_changes_delete(struct admin_call *call)
{
    struct client *client = new_client(call);
    if (!admin_client_changes_find(call, client)) {
        return;
    }
    if (client->frozen) { /* without it, nobody would hold what it deleted */
        admin_call_refuse(call, 422, "refused",
                          "the brake holds on what it deleted: look at `postern account deleted`, "
                          "then release it first");
        return;
    }
    start(call, CHANGE_CLIENT_DELETE, client);
}

/* Rotation. */

/* As long as the newest was meant to live; 0: for ever. */
static int64_t lifetime_of_newest(const struct store_rows *rows)
{
    struct client_secret newest = {0};
    for (size_t i = 0; i < rows->rows; i++) {
        struct client_secret secret;
        client_read_secret(rows, i, &secret);
        newest = i == 0 || secret.created >= newest.created ? secret : newest;
    }
    return newest.expires > newest.created ? newest.expires - newest.created : 0;
}

static void rotate(struct admin_call *call, int64_t lifetime)
{
    make_secret(call, lifetime);
    start(call, CHANGE_CLIENT_ROTATE, call->change.client);
}

static void on_secrets(const struct store_rows *rows, void *context)
{
    struct admin_call *call = context;
    if (!admin_call_read_failed(call, rows)) {
        rotate(call, lifetime_of_newest(rows));
    }
}

void admin_client_changes_rotate(struct admin_call *call)
{
    struct client *client = new_client(call);
    int64_t keep = 0, lifetime = 0;
    bool given = json_member(call->body, "expires_in") != NULL;
    if (!read_seconds(call, "keep_for", &keep) || !read_seconds(call, "expires_in", &lifetime) ||
        !admin_call_texts_good(call) || !admin_client_changes_find(call, client)) {
        return;
    }
    call->change.client = client;
    call->change.keep_old = keep > 0;
    call->change.old_expires = loop_wall(call->services->loop) + keep;
    if (given) {
        rotate(call, lifetime);
    } else {
        call->read =
            client_list_secrets(call->services->store, span_of(client->id), on_secrets, call);
    }
}
