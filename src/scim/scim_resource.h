/* scim_resource.h - resources: what a client sent becomes a document; a document becomes what clients get. Pure.
 *
 * A document is a JSON object that holds what the client may write and has written, echo-complete: attributes of the schemas
 * in their canonical case with values of their type, extensions under their URN, and whatever else it sent (plain
 * attributes and extensions that we do not know) as it was. Not in it: schemas, id, meta, what is read-only. `password`
 * and, of a group, `members` are in it when they were sent, for the caller to take out. */
#ifndef SCIM_SCIM_RESOURCE_H
#define SCIM_SCIM_RESOURCE_H

#include "scim/scim_error.h"
#include "scim/scim_projection.h"
#include "scim/scim_schema.h"
#include "wire/json.h"

enum {
    SCIM_RESOURCE_DOCUMENT_MAX = 64 * 1024, /* bytes of JSON, without members */
    SCIM_RESOURCE_TEXT_MAX = 8 * 1024, /* of one string; photos and certificates: the document's */
    SCIM_RESOURCE_VALUES_MAX = 500,    /* of one multi-valued attribute but members */
};

/* A body of POST or PUT. Lenient where clients need it (N44, section 2): one object for a list, a bare string for a complex value,
 * "True" for true, numbers as strings, `null` and [] as unassigned (remembered: see scim_resource_clears()), unknown URNs
 * in `schemas`; strict otherwise: 400 invalidValue or invalidSyntax that names the attribute. NULL: refused. */
struct json *scim_resource_read(enum scim_schema_resource resource, const struct json *body,
                                struct scim_error *error);
/* Whether `body` gave this attribute at all, be it as null or []: what PUT did not assert, stays (5.2, rule 6; 5.3). */
bool scim_resource_asserts(const struct json *body, const char *name);
/* One value (for a multi-valued attribute: the list, or one element) as PATCH brings it, normalised; NULL: refused. */
struct json *scim_resource_value(const struct scim_schema_attribute *attribute,
                                 const struct json *value, struct scim_error *error);
struct json *scim_resource_element(const struct scim_schema_attribute *attribute,
                                   const struct json *value, struct scim_error *error);
/* After all: required ones are there, at most one `primary`, no two equal (type, value), lists and texts within bounds. */
bool scim_resource_check(enum scim_schema_resource resource, struct json *document,
                         struct scim_error *error);
/* PUT: what is immutable must not differ (N26). */
bool scim_resource_check_immutable(enum scim_schema_resource resource, const struct json *before,
                                   const struct json *after, struct scim_error *error);

/* What a resource is, beside its document. */
struct scim_resource_shown {
    enum scim_schema_resource resource;
    struct span id;
    int64_t version, created, changed; /* wall seconds */
    bool active; /* users: the account's own state, whatever the document says */
    const struct json *document;
    struct json *groups;              /* users: taken; NULL: none */
    struct json *members;             /* groups: taken; NULL: not loaded, none are shown */
    int64_t last_login;               /* users; 0: never */
    struct json *effective_addresses; /* users: taken; NULL: not loaded */
};
/* The whole resource (`projection` NULL: for filters), or what the projection leaves of it. `base` is the URL of /scim/v2 without a slash at its
 * end. The result is the caller's. */
struct json *scim_resource_show(const struct scim_resource_shown *shown, struct span base,
                                const struct scim_projection *projection);
/* W/"5": the version as an entity tag. `text` has room for 32 bytes. */
void scim_resource_tag(int64_t version, char text[32]);
/* "2026-11-24T03:05:57Z" */
void scim_resource_time(int64_t seconds, char text[32]);
/* Text as it is compared where caseExact is false: full Unicode lower case; into the arena. For keys of indexes. */
struct span scim_resource_fold(struct span text, struct arena *arena);

#endif
