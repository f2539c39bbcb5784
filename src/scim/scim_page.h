/* scim_page.h - a batch of resources as they were read: which of them match, what of them is shown. Internal to scim/.
 *
 * Parsing, filtering, collecting keys and rendering run in a thread of the door's pool, or at once when it is little. A
 * page owns copies of all it works on; what it shares (the query) does not change any more. References are counted in
 * the loop only. */
#ifndef SCIM_SCIM_PAGE_H
#define SCIM_SCIM_PAGE_H

#include "account/resource.h"
#include "base/buffer.h"
#include "document/scim_filter.h"
#include "document/scim_projection.h"
#include "document/scim_resource.h"
#include "scim/scim_sort.h"

enum {
    SCIM_PAGE_TEXT_MAX = 16 * 1024 * 1024, /* of one answer */
    SCIM_PAGE_PROBES_MAX = 16,
};

/* What a client asked to see: texts as they came, decoded. */
struct scim_page_asked {
    enum scim_schema_resource resource;
    struct span base; /* URL of /scim/v2 */
    struct span attributes, excluded, filter, sort_by;
    bool filtered; /* a filter was given, be it empty */
    bool descending;
};

struct scim_page_query {
    int references;
    struct arena arena;
    enum scim_schema_resource resource;
    struct span base;
    const struct scim_filter *filter; /* NULL: all match */
    struct scim_projection projection;
    struct scim_path sort;
    bool sorts, descending;
    /* Parts: of a user the groups it is in, of a group its members. */
    bool match_parts, show_parts, show_addresses;
    /* The filter asks of members only whether these are some: then they alone are looked up to match it. */
    bool probes_only;
    struct span probes[SCIM_PAGE_PROBES_MAX];
    size_t probes_count;
};

/* NULL: refused. */
struct scim_page_query *scim_page_query_new(const struct scim_page_asked *asked,
                                            struct scim_error *error);
struct scim_page_query *scim_page_query_keep(struct scim_page_query *query);
void scim_page_query_drop(struct scim_page_query *query); /* takes NULL */

/* A group that a user is in, a member of a group, or an address of a user's account. */
struct scim_page_part {
    struct span id, display;
    bool direct; /* of a group that a user is in */
    bool group;  /* of a member: it is a group itself */
};
struct scim_page_parts {
    size_t first, count; /* in page->parts */
    bool loaded;
};
struct scim_page_row {
    struct resource resource;
    struct scim_page_parts parts, addresses;
    bool matches, shown;
};

struct scim_page {
    int references;
    struct scim_page_query *query;
    struct arena arena;
    struct scim_page_row *rows;
    size_t count, room;
    struct scim_page_part *parts;
    size_t parts_count, parts_room;
    /* What is to be done, and how far it got. */
    bool single;            /* the resource itself, not as one of a list */
    bool matched;           /* no need to filter (any more) */
    size_t skip, take;      /* of the matches: so many are passed over, then so many are shown */
    size_t matches;         /* all of them */
    size_t rendered;        /* of those shown */
    bool cut;               /* the next one did not fit into the answer */
    bool broken;            /* a stored document could not be read */
    struct buffer out;      /* rendered ones, parted by commas; moved in and out by the owner */
    struct scim_sort *sort; /* keys of the matches are added here; NULL: none are wanted */
};

struct scim_page *scim_page_new(struct scim_page_query *query);
struct scim_page *scim_page_keep(struct scim_page *page);
void scim_page_drop(struct scim_page *page);                                 /* takes NULL */
void scim_page_add(struct scim_page *page, const struct resource *resource); /* copies */
void scim_page_add_part(struct scim_page *page, struct scim_page_parts *of,
                        const struct scim_page_part *part); /* copies; of one row after the other */

/* Steps, in this order; the first and the last may run in a thread. */
void scim_page_match(struct scim_page *page);
void scim_page_choose(struct scim_page *page);
void scim_page_render(struct scim_page *page);

#endif
