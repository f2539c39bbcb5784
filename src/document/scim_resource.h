/* scim_resource.h - resources: what a client sent becomes a document; a document becomes what clients get. Pure.
 *
 * A document is a JSON object that holds what the client may write and has written, echo-complete: attributes of the schemas
 * in their canonical case with values of their type, extensions under their URN, and whatever else it sent (plain
 * attributes and extensions that we do not know) as it was. Not in it: schemas, id, meta, what is read-only. `password`
 * and, of a group, `members` are in it when they were sent, for the caller to take out. */
#ifndef DOCUMENT_SCIM_RESOURCE_H
#define DOCUMENT_SCIM_RESOURCE_H

#include "document/scim_error.h"
#include "document/scim_projection.h"
#include "document/scim_schema.h"
#include "wire/json.h"

enum {
    SCIM_RESOURCE_DOCUMENT_MAX = 64 * 1024, /* bytes of JSON, without members */
    SCIM_RESOURCE_TEXT_MAX = 8 * 1024, /* of one string; photos and certificates: the document's */
    SCIM_RESOURCE_VALUES_MAX = 500,    /* of one multi-valued attribute but members */
    SCIM_RESOURCE_MEMBERS_MAX = 20000, /* of one body */
};

/* A body of POST or PUT. Lenient where clients need it: one object for a list, a list of one for a single value, a bare string for a
 * complex value, "True" for true, numbers as strings, `null` and [] as unassigned (see scim_resource_asserts(); [] stays in the document), unknown
 * URNs in `schemas`, in the mail extension one text for a list; strict otherwise: 400 invalidValue or invalidSyntax that names
 * the attribute. It includes scim_resource_check(). NULL: refused. */
struct json *scim_resource_read(enum scim_schema_resource resource, const struct json *body,
                                struct scim_error *error);
/* Whether `body` gave this attribute at all, be it as null or []: what PUT did not assert, stays (5.2, rule 6; 5.3). */
bool scim_resource_asserts(const struct json *body, const char *name);
/* The same for an attribute of an extension (its canonical URN). */
bool scim_resource_asserts_in(const struct json *body, const char *urn, const char *name);
/* One value as PATCH brings it, normalised: of a multi-valued attribute the list, of which one element may have come; a JSON null:
 * unassigned. NULL: refused. scim_resource_element(): one value of a multi-valued attribute. Parts: scim_value.h. */
struct json *scim_resource_value(const struct scim_schema_attribute *attribute,
                                 const struct json *value, struct scim_error *error);
struct json *scim_resource_element(const struct scim_schema_attribute *attribute,
                                   const struct json *value, struct scim_error *error);
/* After all: required ones are there (400 invalidValue), at most one `primary` (400 invalidValue), lists and the whole within
 * bounds (400 invalidValue, 413). Of two values with equal (type, value) the later one is dropped. Members and the password may
 * have been taken out before. */
bool scim_resource_check(enum scim_schema_resource resource, struct json *document,
                         struct scim_error *error);
/* PUT: what is immutable and was set must be the same: 400 mutability (N26); left out, it stays: `after` gets it. Today that is
 * mailHost alone: not to be asked for clients with CLIENT_MOVE. */
bool scim_resource_check_immutable(enum scim_schema_resource resource, const struct json *before,
                                   struct json *after, struct scim_error *error);

/* What a resource is, beside its document. */
struct scim_resource_shown {
    enum scim_schema_resource resource;
    struct span id;
    int64_t version, created, changed; /* wall seconds */
    bool active; /* users: the account's own state, whatever the document says */
    const struct json *document;
    struct json *groups; /* users: taken; NULL: none */
    struct json
        *members;       /* groups: taken; empty is shown as []; NULL: not loaded, none are shown */
    int64_t last_login; /* users; 0: never */
    struct json *effective_addresses; /* users: taken; NULL: not loaded */
};
/* The whole resource (`projection` NULL: for filters), or what the projection leaves of it. `base` is the URL of /scim/v2 without a slash at its
 * end. Members and groups without `$ref` get one, by their `type`. The result is the caller's. */
struct json *scim_resource_show(const struct scim_resource_shown *shown, struct span base,
                                const struct scim_projection *projection);
/* W/"5": the version as an entity tag. `text` has room for 32 bytes. */
void scim_resource_tag(int64_t version, char text[32]);
/* "2026-11-24T03:05:57Z" */
void scim_resource_time(int64_t seconds, char text[32]);
/* Text as it is compared where caseExact is false: full Unicode lower case; into the arena. For keys of indexes. */
struct span scim_resource_fold(struct span text, struct arena *arena);

#endif
