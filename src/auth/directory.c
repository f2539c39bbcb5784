/* directory.c - what an address leads to: sub-addresses, aliases, catch-alls. */
#include "auth/directory.h"

#include "account/client.h"
#include "account/resource.h"
#include "base/memory.h"

#include <time.h>

struct directory {
    struct store *store;
    struct account_cache *cache;
    struct directory_settings settings; /* own copies of the texts */
};

static char *copy_or_null(const char *text)
{
    return text == NULL ? NULL : memory_text(text);
}

static void drop_settings(struct directory *directory)
{
    memory_free(directory->settings.default_domain);
    memory_free(directory->settings.mail_root);
}

void directory_configure(struct directory *directory, const struct directory_settings *settings)
{
    struct directory_settings copy = *settings;
    if (directory->cache == NULL || copy.cache_bytes != directory->settings.cache_bytes) {
        account_cache_free(directory->cache);
        directory->cache = account_cache_new(copy.cache_bytes);
    }
    copy.default_domain = copy_or_null(settings->default_domain);
    copy.mail_root = copy_or_null(settings->mail_root);
    drop_settings(directory);
    directory->settings = copy;
}

struct directory *directory_new(struct store *store, const struct directory_settings *settings)
{
    struct directory *directory = MEMORY_NEW(struct directory);
    directory->store = store;
    directory_configure(directory, settings);
    return directory;
}

void directory_free(struct directory *directory)
{
    if (directory == NULL) {
        return;
    }
    drop_settings(directory);
    account_cache_free(directory->cache);
    memory_free(directory);
}

bool directory_login_name(const struct directory *directory, struct span text, struct address *name)
{
    struct address own;
    struct error ignored;
    return address_parse_login(text, span_of(directory->settings.default_domain),
                               name == NULL ? &own : name, &ignored);
}

/* Of what is on hold nothing is said: no mail, no login, no catch-all in its place. */
static enum directory_answer judge(enum store_now now, const struct account_rows_found *found)
{
    switch (now) {
    case STORE_ASK:
        return DIRECTORY_UNAVAILABLE;
    case STORE_NONE:
        return DIRECTORY_NONE;
    case STORE_ROW:
        break;
    }
    bool held = found->kind == ADDRESS_HELD || found->account.state == ACCOUNT_GONE;
    return held ? DIRECTORY_NONE : DIRECTORY_FOUND;
}

/* Where the mail address is another one by now, the userName that a provisioning client sends may still be this. */
static enum directory_answer is_user_name(const struct directory *directory,
                                          const struct account_rows_found *found)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct resource resource;
    struct client client = {0};
    struct address name;
    struct error ignored;
    enum store_now now =
        resource_by_id(directory->store, span_of(found->account.id), &arena, &resource);
    if (now == STORE_ROW && !span_has(resource.name, '@')) {
        now = client_by_id(directory->store, span_of(resource.client_id), &arena, &client);
    }
    if (now == STORE_ASK) {
        return DIRECTORY_UNAVAILABLE;
    }
    bool same =
        now == STORE_ROW && resource.gone == 0 &&
        address_parse_login(span_trim(resource.name), client.default_domain, &name, &ignored) &&
        address_equal(&name, &found->address);
    return same ? DIRECTORY_FOUND : DIRECTORY_NONE;
}

/* A former address opens the account for a while, so that people and their programs can follow; it receives for
 * ever, for nobody else can have it. */
static enum directory_answer signs_in(const struct directory *directory,
                                      const struct account_rows_found *found)
{
    int64_t lasts = directory->settings.rename_login_s;
    if (found->account.kind != ACCOUNT_PERSON) {
        return DIRECTORY_NONE;
    }
    bool fresh = found->kind != ADDRESS_RENAMED || lasts == 0 || time(NULL) - found->since < lasts;
    return fresh ? DIRECTORY_FOUND : is_user_name(directory, found);
}

enum directory_answer directory_login(struct directory *directory, const struct address *name,
                                      struct arena *arena, struct account_rows_found *found)
{
    struct span key = address_span(name);
    const struct span candidates[ACCOUNT_ROWS_CANDIDATES] = {key};
    enum store_now now;
    if (name->local_length == 0) {
        return DIRECTORY_NONE; /* a catch-all is no one's name */
    }
    if (!account_cache_lookup(directory->cache, key, arena, &now, found)) {
        now = account_rows_by_address(directory->store, candidates, arena, found);
        if (now != STORE_ASK) {
            account_cache_put(directory->cache, key, now, found);
        }
    }
    enum directory_answer answer = judge(now, found);
    return answer == DIRECTORY_FOUND ? signs_in(directory, found) : answer;
}

/* Only what the first of them leads to is kept: strangers choose recipients, and where the first leads nowhere it
 * takes one look at all the others. */
static enum directory_answer find_best(struct directory *directory,
                                       const struct span candidates[ACCOUNT_ROWS_CANDIDATES],
                                       struct arena *arena, struct account_rows_found *found)
{
    enum store_now now;
    if (account_cache_lookup(directory->cache, candidates[0], arena, &now, found) &&
        now == STORE_ROW) {
        return judge(now, found);
    }
    now = account_rows_by_address(directory->store, candidates, arena, found);
    if (now == STORE_ROW && span_equal(address_span(&found->address), candidates[0])) {
        account_cache_put(directory->cache, candidates[0], now, found);
    }
    return judge(now, found);
}

enum directory_answer directory_recipient(struct directory *directory, struct span text,
                                          struct arena *arena, struct account_rows_found *found,
                                          struct span *tag)
{
    struct address address, base = {0};
    struct error ignored;
    struct span cut = {0};
    *tag = cut;
    if (!address_parse(text, &address, &ignored)) {
        return DIRECTORY_NONE;
    }
    char delimiter = directory->settings.delimiter;
    if (delimiter != '\0' && !address_strip_tag(&address, delimiter, &base, &cut)) {
        base = (struct address){0};
    }
    const struct span candidates[ACCOUNT_ROWS_CANDIDATES] = {
        address_span(&address), address_span(&base),
        span_from(address_span(&address), address.local_length)};
    enum directory_answer answer = find_best(directory, candidates, arena, found);
    if (answer == DIRECTORY_FOUND && found->kind == ADDRESS_LOGIN) {
        return DIRECTORY_NONE; /* not even by the catch-all: it is somebody's name */
    }
    if (answer == DIRECTORY_FOUND && base.local_length > 0 &&
        address_equal(&found->address, &base)) {
        *tag = span_copy(arena, cut);
    }
    return answer;
}

enum directory_answer directory_account(struct directory *directory, struct span id,
                                        struct arena *arena, struct account *account)
{
    if (account_cache_lookup_id(directory->cache, id, arena, account)) {
        return DIRECTORY_FOUND;
    }
    switch (account_rows_by_id(directory->store, id, arena, account)) {
    case STORE_ASK:
        return DIRECTORY_UNAVAILABLE;
    case STORE_NONE:
        return DIRECTORY_NONE;
    case STORE_ROW:
        break;
    }
    return DIRECTORY_FOUND;
}

enum directory_answer directory_domain(struct directory *directory, struct span text)
{
    char domain[ADDRESS_DOMAIN_MAX + 1];
    struct error ignored;
    if (!address_parse_domain(text, domain, &ignored)) {
        return DIRECTORY_NONE;
    }
    switch (account_rows_domain(directory->store, span_of(domain))) {
    case STORE_ASK:
        return DIRECTORY_UNAVAILABLE;
    case STORE_NONE:
        return DIRECTORY_NONE;
    case STORE_ROW:
        return DIRECTORY_FOUND;
    }
    return DIRECTORY_UNAVAILABLE;
}

void directory_forget_account(struct directory *directory, struct span id)
{
    account_cache_forget_account(directory->cache, id);
}

void directory_forget_address(struct directory *directory, struct span text)
{
    struct address address;
    struct error ignored;
    if (address_parse(text, &address, &ignored)) {
        account_cache_forget_address(directory->cache, address_span(&address));
    }
}

void directory_forget_all(struct directory *directory)
{
    account_cache_clear(directory->cache);
}

const struct account_cache *directory_cache(const struct directory *directory)
{
    return directory->cache;
}

char directory_delimiter(const struct directory *directory)
{
    return directory->settings.delimiter;
}

void directory_mailbox(const struct directory *directory, const struct account *account,
                       struct arena *arena, struct directory_mailbox *mailbox)
{
    const struct directory_settings *settings = &directory->settings;
    *mailbox = (struct directory_mailbox){
        .home = account_home(account, span_of(settings->mail_root), arena),
        .uid = settings->mail_uid,
        .gid = settings->mail_gid,
        .quota_bytes = account->quota_bytes < 0 ? settings->quota_bytes : account->quota_bytes,
    };
}
