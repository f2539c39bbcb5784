/* scim_schema.c - the one table of attributes: finding things in it. The tables are in scim_schema_core.c and
 * scim_schema_mail.c. */
#include "document/scim_schema.h"

#include "document/scim_schema_core.h"
#include "document/scim_schema_mail.h"

static const struct scim_schema_resource_type users = {
    .resource = SCIM_SCHEMA_USERS,
    .name = "User",
    .endpoint = "/Users",
    .description = "A person, and what it needs for mail",
    .core = &scim_schema_core_user,
    .extensions = {&scim_schema_core_enterprise, &scim_schema_mail_user, NULL},
};
static const struct scim_schema_resource_type groups = {
    .resource = SCIM_SCHEMA_GROUPS,
    .name = "Group",
    .endpoint = "/Groups",
    .description = "People together: for access, with an address, or with a shared mailbox",
    .core = &scim_schema_core_group,
    .extensions = {&scim_schema_mail_group, NULL},
};
static const struct scim_schema *const all[] = {
    &scim_schema_core_user, &scim_schema_core_group, &scim_schema_core_enterprise,
    &scim_schema_mail_user, &scim_schema_mail_group, NULL,
};

/* Taken in, never emitted: a vendor's own URN, and one in the only pattern that Entra ID lets its users enter. */
static const struct {
    const char *urn;
    const struct scim_schema *schema;
} aliases[] = {
    {"urn:postern:scim:schemas:extension:mail:2.0:User", &scim_schema_mail_user},
    {"urn:postern:scim:schemas:extension:mail:2.0:Group", &scim_schema_mail_group},
    {"urn:postern:params:scim:schemas:extension:mail:2.0:User", &scim_schema_mail_user},
    {"urn:postern:params:scim:schemas:extension:mail:2.0:Group", &scim_schema_mail_group},
    {"urn:ietf:params:scim:schemas:extension:postern:2.0:User", &scim_schema_mail_user},
    {"urn:ietf:params:scim:schemas:extension:postern:2.0:Group", &scim_schema_mail_group},
};

const struct scim_schema_resource_type *scim_schema_resource_type(
    enum scim_schema_resource resource)
{
    switch (resource) {
    case SCIM_SCHEMA_NO_RESOURCE:
        return NULL;
    case SCIM_SCHEMA_USERS:
        return &users;
    case SCIM_SCHEMA_GROUPS:
        return &groups;
    }
    return NULL;
}

const struct scim_schema_resource_type *scim_schema_resource_named(struct span name)
{
    if (span_is_fold(name, users.name)) {
        return &users;
    }
    return span_is_fold(name, groups.name) ? &groups : NULL;
}

const struct scim_schema_attribute *scim_schema_common(void)
{
    return scim_schema_core_common;
}

const struct scim_schema *const *scim_schema_all(void)
{
    return all;
}

static bool belongs(enum scim_schema_resource resource, const struct scim_schema *schema)
{
    const struct scim_schema_resource_type *type = scim_schema_resource_type(resource);
    if (type == NULL || type->core == schema) {
        return true;
    }
    for (size_t i = 0; type->extensions[i] != NULL; i++) {
        if (type->extensions[i] == schema) {
            return true;
        }
    }
    return false;
}

const struct scim_schema *scim_schema_by_urn(enum scim_schema_resource resource, struct span urn)
{
    const struct scim_schema *found = NULL;
    for (size_t i = 0; all[i] != NULL && found == NULL; i++) {
        found = span_is_fold(urn, all[i]->urn) ? all[i] : NULL;
    }
    for (size_t i = 0; i < sizeof aliases / sizeof *aliases && found == NULL; i++) {
        found = span_is_fold(urn, aliases[i].urn) ? aliases[i].schema : NULL;
    }
    return found != NULL && belongs(resource, found) ? found : NULL;
}

const struct scim_schema_attribute *scim_schema_find(const struct scim_schema_attribute *attributes,
                                                     struct span name)
{
    for (; attributes != NULL && attributes->name != NULL; attributes++) {
        if (span_is_fold(name, attributes->name)) {
            return attributes;
        }
    }
    return NULL;
}

const struct scim_schema_attribute *scim_schema_attribute(enum scim_schema_resource resource,
                                                          struct span name)
{
    const struct scim_schema_resource_type *type = scim_schema_resource_type(resource);
    const struct scim_schema_attribute *found = scim_schema_find(scim_schema_core_common, name);
    if (found != NULL || type != NULL) {
        return found != NULL ? found : scim_schema_find(type->core->attributes, name);
    }
    found = scim_schema_find(scim_schema_core_user.attributes, name);
    return found != NULL ? found : scim_schema_find(scim_schema_core_group.attributes, name);
}

bool scim_schema_is_extension(const struct scim_schema *schema)
{
    return schema != &scim_schema_core_user && schema != &scim_schema_core_group;
}
