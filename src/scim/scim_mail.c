/* scim_mail.c - what a user's document means for mail. */
#include "scim/scim_mail.h"

#include "base/memory.h"
#include "base/text.h"
#include "document/scim_schema.h"
#include "scim/scim_mail_address.h"
#include "wire/fold.h"

#include <string.h>

/* A hundred years; the policy caps it further. */
enum { RETENTION_MAX = 36500 };

/* An address, and the attribute that told it. */
struct told {
    struct span text;
    const char *attribute;
};

struct mapping {
    struct scim_mail_address_source source;
    struct provision_user *user;
    struct scim_mail_address_list emails; /* those in domains of the client */
    struct scim_mail_address_list addresses, keys, forward_to, send_as;
};

static bool refuse(const struct mapping *mapping, const char *attribute, struct span value,
                   const char *problem)
{
    return scim_mail_address_refuse(&mapping->source, attribute, value, problem);
}

static struct span extension_text(const struct mapping *mapping, const char *name)
{
    return json_value_text(json_member(mapping->source.extension, name));
}

static int64_t extension_number(const struct mapping *mapping, const char *name, int64_t usual)
{
    int64_t number = 0;
    return json_number(mapping->source.extension, name, &number) ? number : usual;
}

static bool extension_flag(const struct mapping *mapping, const char *name, bool usual)
{
    bool flag = false;
    return json_boolean(mapping->source.extension, name, &flag) ? flag : usual;
}

/* C0, DEL, and C1 as UTF-8 writes them are left out. */
static struct span without_controls(struct span text, struct arena *arena)
{
    char *kept = arena_new(arena, text.length + 1);
    size_t length = 0;
    for (size_t i = 0; i < text.length; i++) {
        int byte = span_at(text, i), next = span_at(text, i + 1);
        bool pair = byte == 0xc2 && next >= 0x80 && next <= 0x9f;
        i += pair;
        if (byte >= 0x20 && byte != 0x7f && !pair) {
            kept[length++] = text.at[i];
        }
    }
    return span_trim(text_front(span_trim(span_bytes(kept, length)), ACCOUNT_NAME_MAX));
}

static struct span full_name(const struct mapping *mapping)
{
    const struct json *name = json_member(mapping->source.document, "name");
    struct arena *arena = mapping->source.arena;
    struct span display = without_controls(
        json_value_text(json_member(mapping->source.document, "displayName")), arena);
    struct span formatted =
        without_controls(json_value_text(json_member(name, "formatted")), arena);
    if (!span_empty(display) || !span_empty(formatted)) {
        return span_empty(display) ? formatted : display;
    }
    struct span given = without_controls(json_value_text(json_member(name, "givenName")), arena);
    struct span family = without_controls(json_value_text(json_member(name, "familyName")), arena);
    const char *both =
        arena_format(arena, "%s %s", span_text(arena, given), span_text(arena, family));
    return without_controls(span_of(both), arena);
}

/* 5.2, rule 1: with primary, of type work, any. */
static int email_rank(const struct json *email)
{
    bool primary = false;
    struct span type = json_value_text(json_member(email, "type"));
    if (json_boolean(email, "primary", &primary) && primary) {
        return 0;
    }
    return span_is_fold(type, "work") ? 1 : 2;
}

/* One e-mail: its key, and when it is the client's to give, itself. `best` is the rank of what `*first` is. */
static bool read_email(struct mapping *mapping, const struct json *email, int *best,
                       struct span *first)
{
    struct span value = json_value_text(json_member(email, "value"));
    struct span text = scim_mail_address_text(value);
    struct address address;
    struct error why;
    if (span_empty(text)) {
        return true;
    }
    enum scim_mail_address_place place =
        scim_mail_address_judge(mapping->source.client, text, &address, &why);
    if (place == SCIM_MAIL_ADDRESS_NONE) {
        return refuse(mapping, "emails.value", text, why.text);
    }
    struct span key = fold_lower(value, mapping->source.arena);
    bool fits = scim_mail_address_list_add(&mapping->keys, key, key);
    if (place == SCIM_MAIL_ADDRESS_OWN) {
        fits = scim_mail_address_list_add(&mapping->emails, text, address_span(&address)) && fits;
        if (email_rank(email) < *best) {
            *best = email_rank(email);
            *first = span_copy(mapping->source.arena, text);
        }
    }
    return fits || refuse(mapping, "emails", (struct span){0}, "too many addresses");
}

static bool read_emails(struct mapping *mapping, struct span *first)
{
    const struct json *emails = json_member(mapping->source.document, "emails");
    int best = 3;
    for (size_t i = 0; i < json_size(emails); i++) {
        if (!read_email(mapping, json_item(emails, i), &best, first)) {
            return false;
        }
    }
    return true;
}

/* userName as an address in a domain of the client; empty when it is none. */
static struct span name_address(const struct mapping *mapping)
{
    const struct client *client = mapping->source.client;
    struct span name = span_trim(mapping->user->resource.name);
    struct address address;
    struct error ignored;
    if (!span_has(name, '@') && !span_empty(client->default_domain)) {
        name = span_of(arena_format(mapping->source.arena, "%s@%s",
                                    span_text(mapping->source.arena, name),
                                    span_text(mapping->source.arena, client->default_domain)));
    }
    return scim_mail_address_judge(client, name, &address, &ignored) == SCIM_MAIL_ADDRESS_OWN
               ? name
               : (struct span){0};
}

/* Rule 1, behind the e-mails: `first` is the best of them, or empty. */
static bool choose_primary(struct mapping *mapping, struct told *first)
{
    struct span asked = scim_mail_address_text(extension_text(mapping, "primaryAddress"));
    struct address address;
    struct error why;
    if (!span_empty(asked)) {
        enum scim_mail_address_place place =
            scim_mail_address_judge(mapping->source.client, asked, &address, &why);
        if (place != SCIM_MAIL_ADDRESS_OWN) {
            return refuse(mapping, "primaryAddress", asked,
                          place == SCIM_MAIL_ADDRESS_NONE
                              ? why.text
                              : "lies in no domain that this client may write");
        }
        *first = (struct told){span_copy(mapping->source.arena, asked), "primaryAddress"};
    }
    if (span_empty(first->text)) {
        *first = (struct told){name_address(mapping), "userName"};
    }
    return !span_empty(first->text) || !mapping->user->mailbox ||
           refuse(mapping, "emails", (struct span){0},
                  "none of them, nor userName, is an address in a domain that this client may "
                  "write: there is no primary address");
}

static bool add_address(struct mapping *mapping, struct span text)
{
    struct address address;
    struct error why;
    return (address_parse(text, &address, &why) &&
            scim_mail_address_list_add(&mapping->addresses, text, address_span(&address))) ||
           refuse(mapping, "emails", (struct span){0}, "too many addresses, with the aliases");
}

/* The primary, further e-mails, the extension's aliases. */
static bool set_addresses(struct mapping *mapping, struct span best)
{
    struct told first = {best, "emails"};
    if (!choose_primary(mapping, &first)) {
        return false;
    }
    bool fine = span_empty(first.text) || add_address(mapping, first.text);
    for (size_t i = 0; i < mapping->emails.count && fine; i++) {
        fine = add_address(mapping, mapping->emails.items[i]);
    }
    /* Aliases of nothing would make the first of them the primary. */
    size_t aliases_at = mapping->addresses.count;
    if (fine && !span_empty(first.text)) {
        fine = scim_mail_address_list_read(&mapping->addresses, &mapping->source, "aliases",
                                           SCIM_MAIL_ADDRESS_NONE);
    }
    mapping->user->set_addresses = true;
    mapping->user->addresses = (struct provision_addresses){
        .list = scim_mail_address_list_all(&mapping->addresses),
        .primary = first.attribute,
        .others = "emails",
        .aliases_at = aliases_at,
    };
    return fine;
}

static void set_login(struct mapping *mapping)
{
    struct span login = name_address(mapping);
    struct address address;
    struct error ignored;
    bool known = address_parse(login, &address, &ignored) &&
                 scim_mail_address_list_has(&mapping->addresses, address_span(&address));
    mapping->user->login_name = known ? (struct span){0} : login;
    mapping->user->login_attribute = SPAN_LITERAL("userName");
}

static bool set_services(struct mapping *mapping)
{
    const struct json *services = json_member(mapping->source.extension, "services");
    for (size_t i = 0; i < json_size(services); i++) {
        struct span word = span_trim(json_value_text(json_item(services, i)));
        unsigned service = account_service_parse(word);
        if (service == 0) {
            return refuse(mapping, "services", word,
                          "is none of imap, pop3, smtp, managesieve, jmap, webmail, dav");
        }
        mapping->user->services |= service;
    }
    return true;
}

static bool set_forward(struct mapping *mapping)
{
    struct provision_user *user = mapping->user;
    struct span what = span_trim(extension_text(mapping, "onDisable"));
    if (!scim_mail_address_list_read(&mapping->forward_to, &mapping->source, "forwardTo",
                                     SCIM_MAIL_ADDRESS_FOREIGN)) {
        return false;
    }
    if (mapping->forward_to.count > 0 && (mapping->source.client->rights & CLIENT_FORWARD) == 0) {
        return refuse(mapping, "forwardTo", (struct span){0},
                      "this client has no right to forward mail");
    }
    if (!span_empty(what) && !account_on_disable_parse(what, &user->on_disable)) {
        return refuse(mapping, "onDisable", what, "is none of deliver, reject, forward");
    }
    if (user->on_disable == ACCOUNT_FORWARD && mapping->forward_to.count == 0) {
        return refuse(mapping, "onDisable", what, "needs an address in forwardTo");
    }
    user->forward_to = scim_mail_address_list_all(&mapping->forward_to);
    user->keep_copy = extension_flag(mapping, "keepCopy", false);
    return true;
}

static bool set_mailbox(struct mapping *mapping)
{
    struct provision_user *user = mapping->user;
    int64_t days = extension_number(mapping, "retentionDays", -1);
    user->quota_bytes = extension_number(mapping, "quotaBytes", -1);
    user->retention_days = days > RETENTION_MAX ? RETENTION_MAX : days;
    user->mailbox = extension_flag(mapping, "mailboxEnabled", true);
    if (!set_services(mapping) || !set_forward(mapping) ||
        !scim_mail_address_list_read(&mapping->send_as, &mapping->source, "sendAs",
                                     SCIM_MAIL_ADDRESS_OWN)) {
        return false;
    }
    user->send_as = scim_mail_address_list_all(&mapping->send_as);
    return true;
}

static bool set_resource(struct mapping *mapping)
{
    struct provision_resource *resource = &mapping->user->resource;
    const struct scim_mail_address_source *source = &mapping->source;
    if (!scim_mail_address_plain(source, "userName", RESOURCE_NAME_MAX, &resource->name) ||
        !scim_mail_address_plain(source, "externalId", RESOURCE_EXTERNAL_ID_MAX,
                                 &resource->external_id)) {
        return false;
    }
    resource->name_key = fold_lower(resource->name, source->arena);
    resource->display_key =
        fold_lower(json_value_text(json_member(source->document, "displayName")), source->arena);
    mapping->user->full_name = full_name(mapping);
    return true;
}

static bool map(struct mapping *mapping)
{
    struct span first = {0};
    if (!set_resource(mapping) || !set_mailbox(mapping) || !read_emails(mapping, &first) ||
        !set_addresses(mapping, first)) {
        return false;
    }
    mapping->user->resource.email_keys = scim_mail_address_list_all(&mapping->keys);
    set_login(mapping);
    return true;
}

bool scim_mail_user(const struct client *client, const struct json *document, struct arena *arena,
                    struct provision_user *user, struct scim_error *error)
{
    struct mapping mapping = {
        .source = {client, document, json_member(document, SCIM_SCHEMA_MAIL_USER), arena, error},
        .user = user,
        .emails = {.arena = arena},
        .addresses = {.arena = arena},
        .keys = {.arena = arena},
        .forward_to = {.arena = arena},
        .send_as = {.arena = arena},
    };
    *user = (struct provision_user){0};
    bool mapped = map(&mapping);
    scim_mail_address_list_done(&mapping.emails);
    scim_mail_address_list_done(&mapping.addresses);
    scim_mail_address_list_done(&mapping.keys);
    scim_mail_address_list_done(&mapping.forward_to);
    scim_mail_address_list_done(&mapping.send_as);
    return mapped;
}
