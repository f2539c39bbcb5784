/* account.c - the rules that an account's own attributes keep. */
#include "account/account.h"

#include "base/text.h"

const char *account_state_name(enum account_state state)
{
    switch (state) {
    case ACCOUNT_GONE:
        return "deleted";
    case ACCOUNT_DISABLED:
        return "disabled";
    case ACCOUNT_ACTIVE:
        return "active";
    }
    return "deleted";
}

const char *account_address_kind_name(enum address_kind kind)
{
    switch (kind) {
    case ADDRESS_HELD:
        return "held";
    case ADDRESS_PRIMARY:
        return "primary";
    case ADDRESS_ALIAS:
        return "alias";
    case ADDRESS_RENAMED:
        return "renamed";
    case ADDRESS_PROVISIONED:
        return "provisioned";
    case ADDRESS_LOGIN:
        return "login";
    }
    return "held";
}

const char *account_kind_name(enum account_kind kind)
{
    switch (kind) {
    case ACCOUNT_PERSON:
        return "person";
    case ACCOUNT_GROUP:
        return "group";
    case ACCOUNT_SHARED:
        return "shared";
    }
    return "person";
}

const char *account_on_disable_name(enum account_on_disable what)
{
    switch (what) {
    case ACCOUNT_DELIVER:
        return "deliver";
    case ACCOUNT_REJECT:
        return "reject";
    case ACCOUNT_FORWARD:
        return "forward";
    }
    return "deliver";
}

bool account_on_disable_parse(struct span text, enum account_on_disable *what)
{
    for (enum account_on_disable i = ACCOUNT_DELIVER; i <= ACCOUNT_FORWARD; i++) {
        if (span_is_fold(text, account_on_disable_name(i))) {
            *what = i;
            return true;
        }
    }
    return false;
}

/* The first name of each is the one that is shown. */
static const struct {
    const char *name;
    enum account_service service;
} SERVICES[] = {
    {"imap", ACCOUNT_IMAP},         {"pop3", ACCOUNT_POP3}, {"smtp", ACCOUNT_SMTP},
    {"managesieve", ACCOUNT_SIEVE}, {"jmap", ACCOUNT_JMAP}, {"webmail", ACCOUNT_WEBMAIL},
    {"dav", ACCOUNT_DAV},           {"pop", ACCOUNT_POP3},  {"sieve", ACCOUNT_SIEVE},
    {"submission", ACCOUNT_SMTP},
};
enum { SERVICES_COUNT = sizeof SERVICES / sizeof SERVICES[0] };

unsigned account_service_parse(struct span word)
{
    for (size_t i = 0; i < SERVICES_COUNT; i++) {
        if (span_is_fold(word, SERVICES[i].name)) {
            return SERVICES[i].service;
        }
    }
    return 0;
}

void account_services_write(unsigned services, struct buffer *out)
{
    const char *between = "";
    for (size_t i = 0; i < SERVICES_COUNT && services != 0; i++) {
        if ((services & SERVICES[i].service) != 0) {
            buffer_add_text(out, between);
            buffer_add_text(out, SERVICES[i].name);
            services &= ~(unsigned)SERVICES[i].service;
            between = " ";
        }
    }
}

bool account_receives(const struct account *account)
{
    if (account->state == ACCOUNT_GONE) {
        return false;
    }
    if (account->kind == ACCOUNT_GROUP) {
        return true;
    }
    bool forwards = !span_empty(account->forward_to);
    if (account->state == ACCOUNT_ACTIVE) {
        return !account->no_mailbox || forwards;
    }
    switch (account->on_disable) {
    case ACCOUNT_DELIVER:
        return !account->no_mailbox;
    case ACCOUNT_FORWARD:
        return forwards;
    case ACCOUNT_REJECT:
        return false;
    }
    return false;
}

struct span account_home(const struct account *account, struct span mail_root, struct arena *arena)
{
    if (!span_empty(account->home)) {
        return account->home;
    }
    return span_of(
        arena_format(arena, "%.*s/%s", (int)mail_root.length, mail_root.at, account->id));
}

/* C0, DEL, and C1 as UTF-8 writes them (C2 80 to C2 9F). */
static bool has_controls(struct span text)
{
    for (size_t i = 0; i < text.length; i++) {
        int byte = span_at(text, i), next = span_at(text, i + 1);
        if (byte < 0x20 || byte == 0x7f || (byte == 0xc2 && next >= 0x80 && next <= 0x9f)) {
            return true;
        }
    }
    return false;
}

bool account_home_valid(struct span home)
{
    if (home.length < 2 || home.length > ACCOUNT_HOME_MAX || span_at(home, 0) != '/') {
        return false;
    }
    if (!text_utf8(home) || has_controls(home) || span_has(home, '%')) {
        return false;
    }
    struct span rest = span_from(home, 1), part;
    while (span_cut(&rest, '/', &part)) {
        if (span_empty(part) || span_is(part, ".") || span_is(part, "..")) {
            return false;
        }
    }
    return true;
}

bool account_name_valid(struct span name)
{
    return name.length <= ACCOUNT_NAME_MAX && text_utf8(name) && !has_controls(name);
}

static int shift_of(int unit)
{
    switch (unit) {
    case 'K':
    case 'k':
        return 10;
    case 'M':
    case 'm':
        return 20;
    case 'G':
    case 'g':
        return 30;
    case 'T':
    case 't':
        return 40;
    default:
        return 0;
    }
}

bool account_quota_parse(struct span text, int64_t *quota)
{
    if (span_is(text, "none") || span_is(text, "default")) {
        *quota = span_is(text, "none") ? 0 : -1;
        return true;
    }
    int shift = span_empty(text) ? 0 : shift_of(span_at(text, text.length - 1));
    struct span digits = span_first(text, text.length - (shift > 0 ? 1 : 0));
    uint64_t number;
    if (!span_number(digits, (uint64_t)ACCOUNT_QUOTA_MAX >> shift, &number)) {
        return false;
    }
    *quota = (int64_t)(number << shift);
    return true;
}
