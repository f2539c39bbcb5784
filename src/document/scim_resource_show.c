/* scim_resource_show.c - a document becomes what clients get. */
#include "base/memory.h"
#include "document/scim_resource.h"

#include <assert.h>
#include <string.h>

/* base + endpoint + "/" + id; false when the id is too long to be one of ours. */
static bool put_location(struct json *object, const char *name, struct span base,
                         const struct scim_schema_resource_type *type, struct span id)
{
    CLEANUP(buffer_done) struct buffer url = buffer_limited(4096);
    buffer_add(&url, base);
    buffer_add_text(&url, type->endpoint);
    buffer_add_byte(&url, '/');
    buffer_add(&url, id);
    if (!buffer_full(&url)) {
        json_put_text(object, name, buffer_span(&url));
    }
    return !buffer_full(&url);
}

static struct json *meta(const struct scim_resource_shown *shown, struct span base,
                         const struct scim_schema_resource_type *type)
{
    char text[32];
    struct json *made = json_new_object();
    json_put_text(made, "resourceType", span_of(type->name));
    scim_resource_time(shown->created, text);
    json_put_text(made, "created", span_of(text));
    scim_resource_time(shown->changed, text);
    json_put_text(made, "lastModified", span_of(text));
    put_location(made, "location", base, type, shown->id);
    scim_resource_tag(shown->version, text);
    json_put_text(made, "version", span_of(text));
    return made;
}

/* Members and groups: where each of them is. Takes `list`. An empty one is shown where `empty` says so. */
static void put_references(struct json *whole, const char *name, struct json *list, bool empty,
                           enum scim_schema_resource usual, struct span base)
{
    for (size_t i = 0; i < json_size(list); i++) {
        struct json *element = json_item_edit(list, i);
        struct span id, type;
        if (json_text(element, "value", &id) && json_member(element, "$ref") == NULL) {
            bool group = json_text(element, "type", &type) && span_is(type, "Group");
            put_location(element, "$ref", base,
                         scim_schema_resource_type(group ? SCIM_SCHEMA_GROUPS : usual), id);
        }
    }
    if (json_size(list) > 0 || (empty && list != NULL)) {
        json_put(whole, name, list);
    } else {
        json_free(list);
    }
}

/* What the mail extension says of our own: read-only, shown on request. Takes `addresses`. */
static void put_mail(struct json *whole, int64_t last_login, struct json *addresses)
{
    char text[32];
    if (last_login <= 0 && json_size(addresses) == 0) {
        json_free(addresses);
        return;
    }
    if (json_kind(json_member(whole, SCIM_SCHEMA_MAIL_USER)) != JSON_KIND_OBJECT) {
        json_put(whole, SCIM_SCHEMA_MAIL_USER, json_new_object());
    }
    struct json *mail = json_member_edit(whole, SCIM_SCHEMA_MAIL_USER);
    if (last_login > 0) {
        scim_resource_time(last_login, text);
        json_put_text(mail, "lastLogin", span_of(text));
    }
    if (json_size(addresses) > 0) {
        json_put(mail, "effectiveAddresses", addresses);
    } else {
        json_free(addresses);
    }
}

/* schemas comes first, and is filled in when it is known what there is. */
static struct json *begin(const struct scim_resource_shown *shown)
{
    struct json *whole = json_new_object();
    struct json_cursor cursor = {0};
    json_put(whole, "schemas", json_new_array());
    json_put_text(whole, "id", shown->id);
    while (json_next(shown->document, &cursor)) {
        bool elsewhere =
            strcmp(cursor.name, "password") == 0 ||
            (shown->resource == SCIM_SCHEMA_GROUPS && strcmp(cursor.name, "members") == 0);
        if (!elsewhere) {
            json_put(whole, cursor.name, json_clone(cursor.value));
        }
    }
    return whole;
}

/* The type's own, and of its extensions those that hold something (N13). */
static void put_schemas(struct json *whole, const struct json *document,
                        const struct scim_schema_resource_type *type)
{
    struct json *schemas = json_member_edit(whole, "schemas");
    assert(schemas != NULL);
    json_append_text(schemas, span_of(type->core->urn));
    for (size_t i = 0; type->extensions[i] != NULL; i++) {
        const char *urn = type->extensions[i]->urn;
        if (json_size(json_member(document, urn)) > 0 || json_size(json_member(whole, urn)) > 0) {
            json_append_text(schemas, span_of(urn));
        }
    }
}

struct json *scim_resource_show(const struct scim_resource_shown *shown, struct span base,
                                const struct scim_projection *projection)
{
    const struct scim_schema_resource_type *type = scim_schema_resource_type(shown->resource);
    assert(type != NULL);
    struct json *whole = begin(shown);
    if (shown->resource == SCIM_SCHEMA_USERS) {
        json_put_boolean(whole, "active", shown->active);
        put_references(whole, "groups", shown->groups, false, SCIM_SCHEMA_GROUPS, base);
        put_mail(whole, shown->last_login, shown->effective_addresses);
    } else {
        /* authentik before July 2026 adds nobody to a group that shows no list. */
        put_references(whole, "members", shown->members, true, SCIM_SCHEMA_USERS, base);
    }
    json_put(whole, "meta", meta(shown, base, type));
    if (projection != NULL) {
        scim_projection_apply(projection, shown->resource, whole);
    }
    put_schemas(whole, shown->document, type);
    return whole;
}
