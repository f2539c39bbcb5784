/* scim_value.h - one value as a client sent it, made into what the table says it is. Pure.
 *
 * Lenient where clients need it (scim_resource.h); the detail of a refusal names the attribute and its part. */
#ifndef DOCUMENT_SCIM_VALUE_H
#define DOCUMENT_SCIM_VALUE_H

#include "document/scim_error.h"
#include "document/scim_schema.h"
#include "wire/json.h"

/* A whole attribute: of a multi-valued one the list. A JSON null: unassigned (null, [] or nothing but such). NULL: 400 invalidValue
 * or invalidSyntax. The result is the caller's. */
struct json *scim_value_read(const struct scim_schema_attribute *attribute,
                             const struct json *value, struct scim_error *error);
/* One value of a multi-valued attribute. */
struct json *scim_value_element(const struct scim_schema_attribute *attribute,
                                const struct json *value, struct scim_error *error);
/* A part of a complex one. */
struct json *scim_value_part(const struct scim_schema_attribute *of,
                             const struct scim_schema_attribute *part, const struct json *value,
                             struct scim_error *error);

/* How many values a list may have, before those that are there twice go. */
size_t scim_value_count_max(const struct scim_schema_attribute *attribute);

/* Names that have no case: false when `name` is in the set `seen` (an object) already; else it is put there. */
bool scim_value_first(struct json *seen, const char *name);

#endif
