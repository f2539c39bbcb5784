/* scim_discovery.c - ServiceProviderConfig, ResourceTypes and Schemas, made from the one table. */
#include "document/scim_discovery.h"

#include "base/memory.h"

#define SCHEMA_CONFIG "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"
#define SCHEMA_TYPE   "urn:ietf:params:scim:schemas:core:2.0:ResourceType"
#define SCHEMA_SCHEMA "urn:ietf:params:scim:schemas:core:2.0:Schema"

static struct json *list_of(const char *text)
{
    struct json *list = json_new_array();
    json_append_text(list, span_of(text));
    return list;
}

static void put_meta(struct json *document, struct span base, const char *type, const char *path,
                     const char *name)
{
    CLEANUP(buffer_done) struct buffer url = buffer_limited(4096);
    struct json *meta = json_new_object();
    json_put_text(meta, "resourceType", span_of(type));
    buffer_add(&url, base);
    buffer_add_text(&url, path);
    buffer_add_text(&url, name);
    json_put_text(meta, "location", buffer_span(&url));
    json_put(document, "meta", meta);
}

static void put_supported(struct json *config, const char *name, bool supported)
{
    struct json *feature = json_new_object();
    json_put_boolean(feature, "supported", supported);
    json_put(config, name, feature);
}

static void put_bulk(struct json *config, const struct scim_discovery_limits *limits)
{
    struct json *bulk = json_new_object();
    json_put_boolean(bulk, "supported", true);
    json_put_integer(bulk, "maxOperations", limits->bulk_max);
    json_put_integer(bulk, "maxPayloadSize", limits->body_max);
    json_put(config, "bulk", bulk);
}

static void put_filter(struct json *config, const struct scim_discovery_limits *limits)
{
    struct json *filter = json_new_object();
    json_put_boolean(filter, "supported", true);
    json_put_integer(filter, "maxResults", limits->list_max);
    json_put(config, "filter", filter);
}

static void put_schemes(struct json *config)
{
    struct json *schemes = json_new_array();
    struct json *scheme = json_new_object();
    json_put_text(scheme, "type", SPAN_LITERAL("oauthbearertoken"));
    json_put_text(scheme, "name", SPAN_LITERAL("Bearer token"));
    json_put_text(scheme, "description",
                  SPAN_LITERAL("A token that `postern scim-token create` made, sent as "
                               "`Authorization: Bearer`"));
    json_put_text(scheme, "specUri", SPAN_LITERAL("https://www.rfc-editor.org/info/rfc6750"));
    json_put_boolean(scheme, "primary", true);
    json_append(schemes, scheme);
    json_put(config, "authenticationSchemes", schemes);
}

struct json *scim_discovery_config(struct span base, const struct scim_discovery_limits *limits)
{
    struct json *config = json_new_object();
    json_put(config, "schemas", list_of(SCHEMA_CONFIG));
    put_supported(config, "patch", true);
    put_bulk(config, limits);
    put_filter(config, limits);
    put_supported(config, "changePassword", limits->set_password);
    put_supported(config, "sort", true);
    put_supported(config, "etag", true);
    put_schemes(config);
    put_meta(config, base, "ServiceProviderConfig", "/ServiceProviderConfig", "");
    return config;
}

static struct json *resource_type(struct span base, const struct scim_schema_resource_type *type)
{
    struct json *document = json_new_object();
    struct json *extensions = json_new_array();
    json_put(document, "schemas", list_of(SCHEMA_TYPE));
    json_put_text(document, "id", span_of(type->name));
    json_put_text(document, "name", span_of(type->name));
    json_put_text(document, "endpoint", span_of(type->endpoint));
    json_put_text(document, "description", span_of(type->description));
    json_put_text(document, "schema", span_of(type->core->urn));
    for (size_t i = 0; type->extensions[i] != NULL; i++) {
        struct json *extension = json_new_object();
        json_put_text(extension, "schema", span_of(type->extensions[i]->urn));
        json_put_boolean(extension, "required", false);
        json_append(extensions, extension);
    }
    json_put(document, "schemaExtensions", extensions);
    put_meta(document, base, "ResourceType", "/ResourceTypes/", type->name);
    return document;
}

static const char *type_name(enum scim_schema_type type)
{
    switch (type) {
    case SCIM_SCHEMA_STRING:
        return "string";
    case SCIM_SCHEMA_BOOLEAN:
        return "boolean";
    case SCIM_SCHEMA_INTEGER:
        return "integer";
    case SCIM_SCHEMA_DECIMAL:
        return "decimal";
    case SCIM_SCHEMA_DATETIME:
        return "dateTime";
    case SCIM_SCHEMA_REFERENCE:
        return "reference";
    case SCIM_SCHEMA_BINARY:
        return "binary";
    case SCIM_SCHEMA_COMPLEX:
        return "complex";
    }
    return "string";
}

static const char *mutability_name(enum scim_schema_mutability mutability)
{
    switch (mutability) {
    case SCIM_SCHEMA_READ_WRITE:
        return "readWrite";
    case SCIM_SCHEMA_READ_ONLY:
        return "readOnly";
    case SCIM_SCHEMA_IMMUTABLE:
        return "immutable";
    case SCIM_SCHEMA_WRITE_ONLY:
        return "writeOnly";
    }
    return "readWrite";
}

static const char *returned_name(enum scim_schema_returned returned)
{
    switch (returned) {
    case SCIM_SCHEMA_DEFAULT:
        return "default";
    case SCIM_SCHEMA_ALWAYS:
        return "always";
    case SCIM_SCHEMA_NEVER:
        return "never";
    case SCIM_SCHEMA_REQUEST:
        return "request";
    }
    return "default";
}

static const char *uniqueness_name(enum scim_schema_uniqueness uniqueness)
{
    switch (uniqueness) {
    case SCIM_SCHEMA_NOT_UNIQUE:
        return "none";
    case SCIM_SCHEMA_UNIQUE_SERVER:
        return "server";
    case SCIM_SCHEMA_UNIQUE_GLOBAL:
        return "global";
    }
    return "none";
}

static void put_texts(struct json *document, const char *name, const char *const *texts)
{
    if (texts == NULL) {
        return;
    }
    struct json *list = json_new_array();
    for (size_t i = 0; texts[i] != NULL; i++) {
        json_append_text(list, span_of(texts[i]));
    }
    json_put(document, name, list);
}

static struct json *attribute_list(const struct scim_schema_attribute *attributes);

/* RFC 7643, 7. caseExact says something of texts only. */
static struct json *attribute_of(const struct scim_schema_attribute *attribute)
{
    bool plain = attribute->type != SCIM_SCHEMA_COMPLEX && attribute->type != SCIM_SCHEMA_BOOLEAN;
    struct json *document = json_new_object();
    json_put_text(document, "name", span_of(attribute->name));
    json_put_text(document, "type", span_of(type_name(attribute->type)));
    json_put_boolean(document, "multiValued", attribute->multiple);
    json_put_text(document, "description", span_of(attribute->description));
    json_put_boolean(document, "required", attribute->required);
    put_texts(document, "canonicalValues", attribute->canonical);
    if (plain) {
        json_put_boolean(document, "caseExact", attribute->exact);
    }
    json_put_text(document, "mutability", span_of(mutability_name(attribute->mutability)));
    json_put_text(document, "returned", span_of(returned_name(attribute->returned)));
    json_put_text(document, "uniqueness", span_of(uniqueness_name(attribute->uniqueness)));
    put_texts(document, "referenceTypes", attribute->references);
    if (attribute->parts != NULL) {
        json_put(document, "subAttributes", attribute_list(attribute->parts));
    }
    return document;
}

static struct json *attribute_list(const struct scim_schema_attribute *attributes)
{
    struct json *list = json_new_array();
    for (; attributes->name != NULL; attributes++) {
        json_append(list, attribute_of(attributes));
    }
    return list;
}

static struct json *schema_of(struct span base, const struct scim_schema *schema)
{
    struct json *document = json_new_object();
    json_put(document, "schemas", list_of(SCHEMA_SCHEMA));
    json_put_text(document, "id", span_of(schema->urn));
    json_put_text(document, "name", span_of(schema->name));
    json_put_text(document, "description", span_of(schema->description));
    json_put(document, "attributes", attribute_list(schema->attributes));
    put_meta(document, base, "Schema", "/Schemas/", schema->urn);
    return document;
}

/* Takes `resources`. */
static struct json *list_response(struct json *resources)
{
    struct json *list = json_new_object();
    json_put(list, "schemas", list_of(SCIM_SCHEMA_LIST));
    json_put_integer(list, "totalResults", (int64_t)json_size(resources));
    json_put_integer(list, "startIndex", 1);
    json_put_integer(list, "itemsPerPage", (int64_t)json_size(resources));
    json_put(list, "Resources", resources);
    return list;
}

struct json *scim_discovery_resource_types(struct span base)
{
    struct json *types = json_new_array();
    json_append(types, resource_type(base, scim_schema_resource_type(SCIM_SCHEMA_USERS)));
    json_append(types, resource_type(base, scim_schema_resource_type(SCIM_SCHEMA_GROUPS)));
    return list_response(types);
}

struct json *scim_discovery_resource_type(struct span base, struct span name)
{
    const struct scim_schema_resource_type *type = scim_schema_resource_named(name);
    return type == NULL ? NULL : resource_type(base, type);
}

struct json *scim_discovery_schemas(struct span base)
{
    struct json *schemas = json_new_array();
    for (const struct scim_schema *const *schema = scim_schema_all(); *schema != NULL; schema++) {
        json_append(schemas, schema_of(base, *schema));
    }
    return list_response(schemas);
}

struct json *scim_discovery_schema(struct span base, struct span urn)
{
    const struct scim_schema *schema = scim_schema_by_urn(SCIM_SCHEMA_NO_RESOURCE, urn);
    return schema == NULL ? NULL : schema_of(base, schema);
}
