/* scim_sort.h - what a list is sorted by: keys of resources and their order (RFC 7644, 3.4.2.3). Internal to scim/. */
#ifndef SCIM_SCIM_SORT_H
#define SCIM_SCIM_SORT_H

#include "base/arena.h"
#include "document/scim_path.h"
#include "wire/json.h"

enum { SCIM_SORT_MAX = 200000 };

/* Where a resource is in the order. Ties keep the order of numbers. */
struct scim_sort_entry {
    bool present;
    double number;    /* numbers and booleans; 0 for texts */
    struct span text; /* folded unless caseExact */
    enum scim_schema_resource resource;
    int64_t row; /* its number */
};

struct scim_sort {
    int references;
    bool descending, overflow; /* overflow: there were more than SCIM_SORT_MAX */
    struct arena arena;
    struct scim_sort_entry *entries;
    size_t count, room;
};

struct scim_sort *scim_sort_new(bool descending);
struct scim_sort *scim_sort_keep(struct scim_sort *sort);
void scim_sort_drop(struct scim_sort *sort); /* takes NULL */
/* `shown`: the whole resource. */
void scim_sort_add(struct scim_sort *sort, const struct scim_path *path, const struct json *shown,
                   enum scim_schema_resource resource, int64_t row);
void scim_sort_order(struct scim_sort *sort); /* for a thread */

#endif
