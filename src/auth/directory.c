/* directory.c - what an address leads to: sub-addresses, aliases, catch-alls. */
#include "auth/directory.h"

#include "base/memory.h"

struct directory {
    struct store *store;
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
static enum directory_answer find(struct directory *directory,
                                  const struct span candidates[ACCOUNT_ROWS_CANDIDATES],
                                  struct arena *arena, struct account_rows_found *found)
{
    switch (account_rows_by_address(directory->store, candidates, arena, found)) {
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

enum directory_answer directory_login(struct directory *directory, const struct address *name,
                                      struct arena *arena, struct account_rows_found *found)
{
    const struct span candidates[ACCOUNT_ROWS_CANDIDATES] = {address_span(name)};
    if (name->local_length == 0) {
        return DIRECTORY_NONE; /* a catch-all is no one's name */
    }
    return find(directory, candidates, arena, found);
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
    enum directory_answer answer = find(directory, candidates, arena, found);
    if (answer == DIRECTORY_FOUND && base.local_length > 0 &&
        address_equal(&found->address, &base)) {
        *tag = span_copy(arena, cut);
    }
    return answer;
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
