/* scim_mail_group.c - what a group's document means for mail. */
#include "base/memory.h"
#include "base/text.h"
#include "document/scim_schema.h"
#include "scim/scim_mail.h"
#include "scim/scim_mail_address.h"
#include "wire/fold.h"

struct mapping {
    struct scim_mail_address_source source;
    struct provision_group *group;
    struct scim_mail_address_list addresses, owners, external;
};

static struct span extension_text(const struct mapping *mapping, const char *name)
{
    return span_trim(json_value_text(json_member(mapping->source.extension, name)));
}

static bool refuse(const struct mapping *mapping, const char *attribute, struct span value,
                   const char *problem)
{
    return scim_mail_address_refuse(&mapping->source, attribute, value, problem);
}

/* Letters and digits of ASCII; what parts them becomes one "-". "Büro & Team" is "buro-team". */
static struct span slug(struct span name, struct arena *arena)
{
    struct span plain = fold_plain(name, arena);
    char *made = arena_new(arena, plain.length + 1);
    size_t length = 0;
    for (size_t i = 0; i < plain.length; i++) {
        char byte = plain.at[i];
        if ((byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9')) {
            made[length++] = byte;
        } else if (length > 0 && made[length - 1] != '-') {
            made[length++] = '-';
        }
    }
    length = length < ADDRESS_LOCAL_MAX ? length : ADDRESS_LOCAL_MAX;
    while (length > 0 && made[length - 1] == '-') {
        length--;
    }
    return span_bytes(made, length);
}

/* The client's template with the name in the place of "%s"; empty without a template, or when nothing of the name is left. */
static struct span from_template(const struct mapping *mapping)
{
    struct span form = mapping->source.client->group_template;
    struct arena *arena = mapping->source.arena;
    struct span name = slug(mapping->group->resource.name, arena);
    size_t at = span_search(form, SPAN_LITERAL("%s"));
    if (at == form.length || span_empty(name)) {
        return (struct span){0};
    }
    return span_of(arena_format(arena, "%s%s%s", span_text(arena, span_first(form, at)),
                                span_text(arena, name), span_text(arena, span_from(form, at + 2))));
}

static bool set_kind(struct mapping *mapping)
{
    struct provision_group *group = mapping->group;
    struct span kind = extension_text(mapping, "kind"),
                senders = extension_text(mapping, "whoCanSend"),
                rights = extension_text(mapping, "memberRights");
    if (span_empty(kind)) {
        bool addressed = !span_empty(extension_text(mapping, "address")) ||
                         !span_empty(mapping->source.client->group_template);
        group->kind = addressed ? GROUP_ROWS_ALIAS : GROUP_ROWS_ACCESS;
    } else if (!group_rows_kind_parse(kind, &group->kind)) {
        return refuse(mapping, "kind", kind, "is none of access, alias, list, sharedMailbox");
    }
    if (!span_empty(senders) && !group_rows_senders_parse(senders, &group->senders)) {
        return refuse(mapping, "whoCanSend", senders,
                      "is none of anyone, internal, members, owners");
    }
    if (!span_empty(rights) && !group_rows_rights_parse(rights, &group->rights)) {
        return refuse(mapping, "memberRights", rights, "is none of lr, lrs, full");
    }
    return true;
}

static bool set_addresses(struct mapping *mapping)
{
    const struct scim_mail_address_source *source = &mapping->source;
    struct span first = scim_mail_address_text(extension_text(mapping, "address"));
    struct address address;
    struct error why;
    if (mapping->group->kind == GROUP_ROWS_ACCESS) {
        return true;
    }
    const char *attribute = span_empty(first) ? "displayName" : "address";
    first = span_empty(first) ? from_template(mapping) : first;
    if (span_empty(first)) {
        return refuse(mapping, "address", (struct span){0}, "a group of this kind needs one");
    }
    switch (scim_mail_address_judge(source->client, first, &address, &why)) {
    case SCIM_MAIL_ADDRESS_NONE:
        return refuse(mapping, attribute, first, why.text);
    case SCIM_MAIL_ADDRESS_FOREIGN:
        return refuse(mapping, attribute, first, "lies in no domain that this client may write");
    case SCIM_MAIL_ADDRESS_OWN:
        break;
    }
    scim_mail_address_list_add(&mapping->addresses, first, address_span(&address));
    if (!scim_mail_address_list_read(&mapping->addresses, source, "aliases",
                                     SCIM_MAIL_ADDRESS_NONE)) {
        return false;
    }
    mapping->group->addresses = (struct provision_addresses){
        .list = scim_mail_address_list_all(&mapping->addresses),
        .primary = attribute,
        .others = "aliases",
    };
    return true;
}

static bool set_people(struct mapping *mapping)
{
    const struct json *owners = json_member(mapping->source.extension, "owners");
    for (size_t i = 0; i < json_size(owners); i++) {
        struct span id = span_trim(json_value_text(json_item(owners, i)));
        if (!span_empty(id) && !scim_mail_address_list_add(&mapping->owners, id, id)) {
            return refuse(mapping, "owners", (struct span){0}, "too many");
        }
    }
    if (!scim_mail_address_list_read(&mapping->external, &mapping->source, "externalMembers",
                                     SCIM_MAIL_ADDRESS_FOREIGN)) {
        return false;
    }
    if (mapping->external.count > 0 && (mapping->source.client->rights & CLIENT_FORWARD) == 0) {
        return refuse(mapping, "externalMembers", (struct span){0},
                      "this client has no right to forward mail");
    }
    mapping->group->set_owners = mapping->group->set_external = true;
    mapping->group->owners = scim_mail_address_list_all(&mapping->owners);
    mapping->group->external = scim_mail_address_list_all(&mapping->external);
    return true;
}

static bool map(struct mapping *mapping)
{
    const struct scim_mail_address_source *source = &mapping->source;
    struct provision_group *group = mapping->group;
    if (!scim_mail_address_plain(source, "displayName", RESOURCE_NAME_MAX, &group->resource.name) ||
        !scim_mail_address_plain(source, "externalId", RESOURCE_EXTERNAL_ID_MAX,
                                 &group->resource.external_id)) {
        return false;
    }
    group->resource.name_key = fold_lower(group->resource.name, source->arena);
    if (!json_number(source->extension, "quotaBytes", &group->quota_bytes)) {
        group->quota_bytes = -1;
    }
    return set_kind(mapping) && set_addresses(mapping) && set_people(mapping);
}

bool scim_mail_group(const struct client *client, const struct json *document, struct arena *arena,
                     struct provision_group *group, struct scim_error *error)
{
    struct mapping mapping = {
        .source = {client, document, json_member(document, SCIM_SCHEMA_MAIL_GROUP), arena, error},
        .group = group,
        .addresses = {.arena = arena},
        .owners = {.arena = arena},
        .external = {.arena = arena},
    };
    *group = (struct provision_group){0};
    bool mapped = map(&mapping);
    scim_mail_address_list_done(&mapping.addresses);
    scim_mail_address_list_done(&mapping.owners);
    scim_mail_address_list_done(&mapping.external);
    return mapped;
}

void scim_mail_group_keep_address(const struct client *client, const struct json *document,
                                  struct span given, struct arena *arena,
                                  struct provision_group *group)
{
    const struct json *extension = json_member(document, SCIM_SCHEMA_MAIL_GROUP);
    struct span asked = span_trim(json_value_text(json_member(extension, "address")));
    struct span first = span_first(given, span_find(given, ' '));
    if (!span_empty(asked) || span_empty(first) || span_empty(client->group_template) ||
        group->addresses.list.count == 0) {
        return;
    }
    const struct provision_list *list = &group->addresses.list;
    struct span *items = arena_new(arena, list->count * sizeof *items);
    size_t count = 1;
    items[0] = span_copy(arena, first);
    for (size_t i = 1; i < list->count; i++) {
        if (!span_equal_fold(list->items[i], first)) {
            items[count++] = list->items[i];
        }
    }
    group->addresses.list = (struct provision_list){items, count};
}
