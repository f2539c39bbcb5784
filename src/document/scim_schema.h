/* scim_schema.h - the one table of attributes: what validation, discovery documents, filters, PATCH and output follow
 * (RFC 7643, 2.2, 4, 7, 8.7; our mail extension: docs/scim.md).
 *
 * Static data. Names and URNs compare without regard to case, and are emitted in the case of the table (N17). */
#ifndef DOCUMENT_SCIM_SCHEMA_H
#define DOCUMENT_SCIM_SCHEMA_H

#include "base/span.h"

#define SCIM_SCHEMA_USER          "urn:ietf:params:scim:schemas:core:2.0:User"
#define SCIM_SCHEMA_GROUP         "urn:ietf:params:scim:schemas:core:2.0:Group"
#define SCIM_SCHEMA_ENTERPRISE    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
#define SCIM_SCHEMA_MAIL_USER     "urn:ietf:params:scim:schemas:extension:mail:2.0:User"
#define SCIM_SCHEMA_MAIL_GROUP    "urn:ietf:params:scim:schemas:extension:mail:2.0:Group"
#define SCIM_SCHEMA_LIST          "urn:ietf:params:scim:api:messages:2.0:ListResponse"
#define SCIM_SCHEMA_PATCH         "urn:ietf:params:scim:api:messages:2.0:PatchOp"
#define SCIM_SCHEMA_SEARCH        "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
#define SCIM_SCHEMA_BULK          "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
#define SCIM_SCHEMA_BULK_RESPONSE "urn:ietf:params:scim:api:messages:2.0:BulkResponse"

enum scim_schema_type {
    SCIM_SCHEMA_STRING,
    SCIM_SCHEMA_BOOLEAN,
    SCIM_SCHEMA_INTEGER,
    SCIM_SCHEMA_DECIMAL,
    SCIM_SCHEMA_DATETIME,
    SCIM_SCHEMA_REFERENCE,
    SCIM_SCHEMA_BINARY,
    SCIM_SCHEMA_COMPLEX,
};
enum scim_schema_mutability {
    SCIM_SCHEMA_READ_WRITE,
    SCIM_SCHEMA_READ_ONLY,
    SCIM_SCHEMA_IMMUTABLE,
    SCIM_SCHEMA_WRITE_ONLY,
};
enum scim_schema_returned {
    SCIM_SCHEMA_DEFAULT,
    SCIM_SCHEMA_ALWAYS,
    SCIM_SCHEMA_NEVER,
    SCIM_SCHEMA_REQUEST,
};
enum scim_schema_uniqueness {
    SCIM_SCHEMA_NOT_UNIQUE,
    SCIM_SCHEMA_UNIQUE_SERVER,
    SCIM_SCHEMA_UNIQUE_GLOBAL,
};

struct scim_schema_attribute {
    const char *name; /* NULL ends a list */
    enum scim_schema_type type;
    bool multiple, required, exact; /* exact: caseExact */
    enum scim_schema_mutability mutability;
    enum scim_schema_returned returned;
    enum scim_schema_uniqueness uniqueness;
    const char *description;
    const char *const *canonical;              /* NULL-terminated; NULL: none. Suggestions only */
    const char *const *references;             /* NULL-terminated; for references */
    const struct scim_schema_attribute *parts; /* of a complex one; ends with a NULL name */
    /* Beyond the RFC, for clients that can send simple values only: a list is also one text, parted by commas and
     * blanks; an integer of bytes is also "5G"; a text of any size, within the document's bound */
    bool words, bytes, large;
};

struct scim_schema {
    const char *urn, *name, *description;
    const struct scim_schema_attribute *attributes;
};

enum scim_schema_resource { SCIM_SCHEMA_NO_RESOURCE, SCIM_SCHEMA_USERS, SCIM_SCHEMA_GROUPS };

enum { SCIM_SCHEMA_EXTENSIONS_MAX = 2 };

/* One of the two resource types. */
struct scim_schema_resource_type {
    enum scim_schema_resource resource;
    const char *name, *endpoint, *description; /* "User", "/Users" */
    const struct scim_schema *core;
    const struct scim_schema *extensions[SCIM_SCHEMA_EXTENSIONS_MAX + 1]; /* NULL-terminated */
};

const struct scim_schema_resource_type *scim_schema_resource_type(
    enum scim_schema_resource resource);
/* `name` like "User"; NULL when there is none. */
const struct scim_schema_resource_type *scim_schema_resource_named(struct span name);

/* id, externalId, meta and schemas: of every resource, in no schema document (RFC 7643, 3.1). */
const struct scim_schema_attribute *scim_schema_common(void);
/* All schemas that we publish; NULL-terminated. */
const struct scim_schema *const *scim_schema_all(void);
/* By its URN, also a vendor's alias of ours; NULL when it is not known, or not of this resource type (without a type:
 * of any). */
const struct scim_schema *scim_schema_by_urn(enum scim_schema_resource resource, struct span urn);
/* By its name within a list; NULL when there is none. */
const struct scim_schema_attribute *scim_schema_find(const struct scim_schema_attribute *attributes,
                                                     struct span name);
/* A core or common attribute of the resource type, by its plain name. Without a type: of users, else of groups. */
const struct scim_schema_attribute *scim_schema_attribute(enum scim_schema_resource resource,
                                                          struct span name);
bool scim_schema_is_extension(const struct scim_schema *schema);

#endif
