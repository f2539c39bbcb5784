/* scim_page.c - a batch of resources as they were read: which of them match, what of them is shown. */
#include "scim/scim_page.h"

#include "base/memory.h"

/* -- the query -- */

static bool names_attribute(const struct scim_filter *filter, const char *name)
{
    if (filter == NULL) {
        return false;
    }
    return (filter->path.extension == NULL && span_is_fold(filter->path.name, name)) ||
           names_attribute(filter->left, name) || names_attribute(filter->right, name);
}

static bool filter_needs_parts(const struct scim_page_query *query)
{
    if (query->filter == NULL) {
        return false;
    }
    return query->resource == SCIM_SCHEMA_USERS ? names_attribute(query->filter, "groups")
                                                : scim_filter_needs_members(query->filter);
}

/* `members eq "x"`, which is all that Entra asks: no group of 10,000 is read for it. */
static bool probes_member(const struct scim_filter *filter)
{
    return filter->kind == SCIM_FILTER_COMPARE && filter->compare == SCIM_FILTER_EQ &&
           filter->value.kind == JSON_KIND_TEXT && filter->path.filter == NULL &&
           (filter->path.part == NULL || span_is(span_of(filter->path.part->name), "value"));
}

/* false: it asks for something else of them, too. */
static bool collect_probes(struct scim_page_query *query, const struct scim_filter *filter)
{
    if (filter == NULL || !scim_filter_needs_members(filter)) {
        return true;
    }
    switch (filter->kind) {
    case SCIM_FILTER_AND:
    case SCIM_FILTER_OR:
    case SCIM_FILTER_NOT:
        return collect_probes(query, filter->left) && collect_probes(query, filter->right);
    case SCIM_FILTER_COMPARE:
        if (!probes_member(filter) || query->probes_count == SCIM_PAGE_PROBES_MAX) {
            return false;
        }
        /* Addresses elsewhere are no members that SCIM shows. */
        if (uuid_valid(filter->value.text)) {
            query->probes[query->probes_count++] = filter->value.text;
        }
        return true;
    case SCIM_FILTER_PRESENT:
    case SCIM_FILTER_ELEMENT:
        break;
    }
    return false;
}

static bool wants(const struct scim_page_query *query, const char *extension, const char *name)
{
    const struct scim_schema *schema =
        extension == NULL ? NULL : scim_schema_by_urn(query->resource, span_of(extension));
    const struct scim_schema_attribute *attribute =
        schema == NULL ? scim_schema_attribute(query->resource, span_of(name))
                       : scim_schema_find(schema->attributes, span_of(name));
    return attribute != NULL && scim_projection_wants(&query->projection, schema, attribute);
}

static bool read_filter(struct scim_page_query *query, const struct scim_page_asked *asked,
                        struct scim_error *error)
{
    if (!asked->filtered) {
        return true;
    }
    query->filter = scim_filter_parse(query->resource, span_copy(&query->arena, asked->filter),
                                      &query->arena, error);
    return query->filter != NULL;
}

static bool read_sort(struct scim_page_query *query, struct span sort_by, struct scim_error *error)
{
    query->sorts = !span_empty(sort_by);
    return !query->sorts ||
           scim_path_parse(query->resource, sort_by, false, &query->arena, &query->sort, error);
}

struct scim_page_query *scim_page_query_new(const struct scim_page_asked *asked,
                                            struct scim_error *error)
{
    struct scim_page_query *query = MEMORY_NEW(struct scim_page_query);
    struct arena *arena = &query->arena;
    query->references = 1;
    query->resource = asked->resource;
    query->base = span_copy(arena, asked->base);
    query->descending = asked->descending;
    if (!read_filter(query, asked, error) ||
        !read_sort(query, span_copy(arena, asked->sort_by), error) ||
        !scim_projection_read(query->resource, span_copy(arena, asked->attributes),
                              span_copy(arena, asked->excluded), arena, &query->projection,
                              error)) {
        scim_page_query_drop(query);
        return NULL;
    }
    bool users = query->resource == SCIM_SCHEMA_USERS;
    query->match_parts = filter_needs_parts(query);
    query->probes_only = !users && query->match_parts && collect_probes(query, query->filter);
    query->show_parts = wants(query, NULL, users ? "groups" : "members");
    query->show_addresses = users && wants(query, SCIM_SCHEMA_MAIL_USER, "effectiveAddresses");
    return query;
}

struct scim_page_query *scim_page_query_keep(struct scim_page_query *query)
{
    query->references++;
    return query;
}

void scim_page_query_drop(struct scim_page_query *query)
{
    if (query == NULL || --query->references > 0) {
        return;
    }
    arena_done(&query->arena);
    memory_free(query);
}

/* -- the page -- */

struct scim_page *scim_page_new(struct scim_page_query *query)
{
    struct scim_page *page = MEMORY_NEW(struct scim_page);
    page->references = 1;
    page->query = scim_page_query_keep(query);
    page->out = buffer_limited(SCIM_PAGE_TEXT_MAX);
    return page;
}

struct scim_page *scim_page_keep(struct scim_page *page)
{
    page->references++;
    return page;
}

void scim_page_drop(struct scim_page *page)
{
    if (page == NULL || --page->references > 0) {
        return;
    }
    scim_page_query_drop(page->query);
    scim_sort_drop(page->sort);
    buffer_done(&page->out);
    memory_free(page->rows);
    memory_free(page->parts);
    arena_done(&page->arena);
    memory_free(page);
}

void scim_page_add(struct scim_page *page, const struct resource *resource)
{
    if (page->count == page->room) {
        page->room = page->room == 0 ? 1 : page->room * 4;
        page->rows = memory_resize(page->rows, page->room * sizeof *page->rows);
    }
    struct scim_page_row row = {.resource = *resource};
    row.resource.external_id = (struct span){0};
    row.resource.name = (struct span){0};
    row.resource.name_key = (struct span){0};
    row.resource.display_key = (struct span){0};
    row.resource.addresses = (struct span){0};
    row.resource.document = span_copy(&page->arena, resource->document);
    page->rows[page->count++] = row;
}

void scim_page_add_part(struct scim_page *page, struct scim_page_parts *of,
                        const struct scim_page_part *part)
{
    if (page->parts_count == page->parts_room) {
        page->parts_room = page->parts_room == 0 ? 16 : page->parts_room * 2;
        page->parts = memory_resize(page->parts, page->parts_room * sizeof *page->parts);
    }
    if (of->count == 0) {
        of->first = page->parts_count;
    }
    struct scim_page_part copy = *part;
    copy.id = span_copy(&page->arena, part->id);
    copy.display = span_copy(&page->arena, part->display);
    page->parts[page->parts_count++] = copy;
    of->count++;
}

/* -- what one resource is -- */

static struct json *reference(const struct scim_page *page, const struct scim_page_part *part,
                              const char *endpoint)
{
    CLEANUP(buffer_done) struct buffer url = buffer_limited(SCIM_PAGE_TEXT_MAX);
    struct json *shown = json_new_object();
    json_put_text(shown, "value", part->id);
    buffer_add(&url, page->query->base);
    buffer_add_text(&url, endpoint);
    buffer_add(&url, part->id);
    json_put_text(shown, "$ref", buffer_span(&url));
    if (!span_empty(part->display)) {
        json_put_text(shown, "display", part->display);
    }
    return shown;
}

static struct json *show_parts(const struct scim_page *page, const struct scim_page_row *row)
{
    struct json *list = json_new_array();
    bool users = page->query->resource == SCIM_SCHEMA_USERS;
    for (size_t i = 0; i < row->parts.count; i++) {
        const struct scim_page_part *part = &page->parts[row->parts.first + i];
        struct json *shown = reference(page, part, users || part->group ? "/Groups/" : "/Users/");
        const char *type = part->group ? "Group" : "User";
        json_put_text(shown, "type", span_of(!users ? type : part->direct ? "direct" : "indirect"));
        json_append(list, shown);
    }
    return list;
}

static struct json *show_addresses(const struct scim_page *page, const struct scim_page_row *row)
{
    struct json *list = json_new_array();
    for (size_t i = 0; i < row->addresses.count; i++) {
        json_append_text(list, page->parts[row->addresses.first + i].id);
    }
    return list;
}

/* The whole when `projection` is NULL. NULL: the stored document is none. */
static struct json *show_row(struct scim_page *page, const struct scim_page_row *row,
                             const struct scim_projection *projection)
{
    struct error error;
    const struct resource *resource = &row->resource;
    CLEANUP(json_cleanup)
    struct json *document = json_parse(resource->document, RESOURCE_DOCUMENT_MAX, &error);
    if (document == NULL) {
        page->broken = true;
        return NULL;
    }
    bool users = page->query->resource == SCIM_SCHEMA_USERS;
    struct scim_resource_shown shown = {
        .resource = page->query->resource,
        .id = span_of(resource->id),
        .version = resource->version,
        .created = resource->created,
        .changed = resource->changed,
        .active = resource->state == ACCOUNT_ACTIVE,
        .document = document,
        .groups = users && row->parts.loaded ? show_parts(page, row) : NULL,
        .members = !users && row->parts.loaded ? show_parts(page, row) : NULL,
        .last_login = resource->last_login,
        .effective_addresses = row->addresses.loaded ? show_addresses(page, row) : NULL,
    };
    return scim_resource_show(&shown, page->query->base, projection);
}

/* -- the steps -- */

static void match_row(struct scim_page *page, struct scim_page_row *row)
{
    const struct scim_page_query *query = page->query;
    bool shows = query->filter != NULL || page->sort != NULL;
    CLEANUP(json_cleanup) struct json *shown = shows ? show_row(page, row, NULL) : NULL;
    if (shows && shown == NULL) {
        return;
    }
    row->matches = query->filter == NULL || scim_filter_match(query->filter, shown);
    if (row->matches && page->sort != NULL) {
        scim_sort_add(page->sort, &query->sort, shown, query->resource, row->resource.number);
    }
}

void scim_page_match(struct scim_page *page)
{
    for (size_t i = 0; i < page->count; i++) {
        struct scim_page_row *row = &page->rows[i];
        if (page->matched) {
            row->matches = true;
        } else {
            match_row(page, row);
        }
        page->matches += row->matches;
    }
    page->matched = true;
}

void scim_page_choose(struct scim_page *page)
{
    for (size_t i = 0; i < page->count; i++) {
        struct scim_page_row *row = &page->rows[i];
        if (page->query->probes_only) {
            row->parts = (struct scim_page_parts){0}; /* not all of them */
        }
        if (!row->matches) {
            continue;
        }
        if (page->skip > 0) {
            page->skip--;
        } else if (page->take > 0) {
            page->take--;
            row->shown = true;
        }
    }
}

/* false: it does not fit any more. */
static bool render_row(struct scim_page *page, const struct scim_page_row *row)
{
    CLEANUP(json_cleanup) struct json *shown = show_row(page, row, &page->query->projection);
    if (shown == NULL) {
        return true;
    }
    size_t before = page->out.length;
    if (!page->single && before > 0 && page->out.at[before - 1] != '[') {
        buffer_add_byte(&page->out, ',');
    }
    json_write(shown, &page->out);
    if (buffer_full(&page->out)) {
        page->out.length = before;
        page->out.full = false;
        return false;
    }
    page->rendered++;
    return true;
}

void scim_page_render(struct scim_page *page)
{
    for (size_t i = 0; i < page->count && !page->cut; i++) {
        if (page->rows[i].shown) {
            page->cut = !render_row(page, &page->rows[i]);
        }
    }
}
