/* scim_search.c - the body of .search: a SearchRequest. */
#include "scim/scim_search.h"

#include "base/memory.h"

enum { NAMES_MAX = 16 * 1024 };

static bool refuse(struct scim_error *error, const char *name, const char *what)
{
    return scim_error_set(error, 400, SCIM_ERROR_INVALID_VALUE, "%s: must be %s", name, what);
}

static bool read_text(const struct json *body, const char *name, struct span *text, bool *given,
                      struct scim_error *error)
{
    const struct json *value = json_member(body, name);
    enum json_kind kind = json_kind(value);
    *given = kind == JSON_KIND_TEXT;
    *text = json_value_text(value);
    return *given || kind == JSON_KIND_ABSENT || kind == JSON_KIND_NULL ||
           refuse(error, name, "a string");
}

/* A list of names, as the query of a GET has it; one text may stand for it. */
static bool read_names(struct scim_call *call, const char *name, struct span *names,
                       struct scim_error *error)
{
    CLEANUP(buffer_done) struct buffer joined = buffer_limited(NAMES_MAX);
    const struct json *list = json_member(call->body, name);
    if (json_kind(list) == JSON_KIND_TEXT) {
        *names = json_value_text(list);
        return true;
    }
    if (json_kind(list) != JSON_KIND_ARRAY) {
        return list == NULL || json_kind(list) == JSON_KIND_NULL ||
               refuse(error, name, "a list of attribute names");
    }
    for (size_t i = 0; i < json_size(list); i++) {
        if (json_kind(json_item(list, i)) != JSON_KIND_TEXT) {
            return refuse(error, name, "a list of attribute names");
        }
        buffer_add_text(&joined, i == 0 ? "" : ",");
        buffer_add(&joined, json_value_text(json_item(list, i)));
    }
    *names = span_copy(&call->arena, buffer_span(&joined));
    return !buffer_full(&joined) || refuse(error, name, "shorter");
}

static bool read_number(const struct json *body, const char *name, int64_t *number,
                        struct scim_error *error)
{
    int64_t value;
    enum json_kind kind = json_kind(json_member(body, name));
    if (kind == JSON_KIND_ABSENT || kind == JSON_KIND_NULL) {
        return true;
    }
    if (!json_number(body, name, &value)) {
        return refuse(error, name, "an integer");
    }
    *number = value < 0 ? 0 : value > INT32_MAX ? INT32_MAX : value;
    return true;
}

bool scim_search_read(struct scim_call *call, struct scim_error *error)
{
    struct scim_page_asked *asked = &call->asked;
    const struct json *body = call->body;
    struct span order;
    bool given;
    if (!read_names(call, "attributes", &asked->attributes, error) ||
        !read_names(call, "excludedAttributes", &asked->excluded, error) ||
        !read_text(body, "filter", &asked->filter, &asked->filtered, error) ||
        !read_text(body, "sortBy", &asked->sort_by, &given, error) ||
        !read_text(body, "sortOrder", &order, &given, error) ||
        !read_number(body, "startIndex", &call->start_index, error) ||
        !read_number(body, "count", &call->count, error)) {
        return false;
    }
    asked->descending = span_is_fold(order, "descending");
    return true;
}
