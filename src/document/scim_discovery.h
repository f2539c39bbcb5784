/* scim_discovery.h - ServiceProviderConfig, ResourceTypes and Schemas, made from the one table (RFC 7643, 5 to 7). Pure. */
#ifndef DOCUMENT_SCIM_DISCOVERY_H
#define DOCUMENT_SCIM_DISCOVERY_H

#include "document/scim_schema.h"
#include "wire/json.h"

struct scim_discovery_limits {
    int64_t list_max;  /* resources on a page */
    int64_t bulk_max;  /* operations */
    int64_t body_max;  /* bytes */
    bool set_password; /* this token may set passwords */
};

/* The results are the caller's. `base` as in scim_resource_show(). */
struct json *scim_discovery_config(struct span base, const struct scim_discovery_limits *limits);
struct json *scim_discovery_resource_types(struct span base);                  /* a ListResponse */
struct json *scim_discovery_resource_type(struct span base, struct span name); /* NULL: none */
struct json *scim_discovery_schemas(struct span base);
struct json *scim_discovery_schema(struct span base, struct span urn); /* NULL: none */

#endif
