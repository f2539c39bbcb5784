/* scim_patch_list.c - PATCH of an attribute with many values. */
#include "document/scim_patch_list.h"

#include "base/memory.h"
#include "document/scim_filter.h"
#include "document/scim_resource.h"

static bool refuse_no_target(const struct scim_path *path, struct scim_error *error)
{
    return scim_error_set(error, 400, SCIM_ERROR_NO_TARGET,
                          "%s: no value matches the filter of the path", path->attribute->name);
}

/* -- one element -- */

static bool is_true(const struct json *element, const char *name)
{
    return json_kind(json_member(element, name)) == JSON_KIND_TRUE;
}

static bool same_member(const struct json *a, const struct json *b, const char *name)
{
    const struct json *left = json_member(a, name), *right = json_member(b, name);
    return left == NULL || right == NULL ? left == right : json_same(left, right);
}

static bool has_all_but_primary(const struct json *of, const struct json *in)
{
    struct json_cursor cursor = {0};
    while (json_next(of, &cursor)) {
        if (strcmp(cursor.name, "primary") != 0 && !same_member(of, in, cursor.name)) {
            return false;
        }
    }
    return true;
}

/* N19: a pair of type and value stands once in a list. What has no value is compared as a whole, but for `primary`. */
static bool is_same(const struct json *a, const struct json *b)
{
    if (json_kind(a) != JSON_KIND_OBJECT || json_kind(b) != JSON_KIND_OBJECT) {
        return json_same(a, b);
    }
    if (json_member(a, "value") != NULL && json_member(b, "value") != NULL) {
        return same_member(a, b, "value") && same_member(a, b, "type");
    }
    return has_all_but_primary(a, b) && has_all_but_primary(b, a);
}

/* What a client wants removed by value: it need not tell all parts, and the URL is not part of the value. */
static bool is_meant(const struct json *wanted, const struct json *element)
{
    struct json_cursor cursor = {0};
    if (json_kind(wanted) != JSON_KIND_OBJECT || json_kind(element) != JSON_KIND_OBJECT) {
        return json_same(wanted, element);
    }
    if (json_member(wanted, "value") != NULL) {
        return same_member(wanted, element, "value") &&
               (json_member(wanted, "type") == NULL || same_member(wanted, element, "type"));
    }
    while (json_next(wanted, &cursor)) {
        if (!same_member(wanted, element, cursor.name)) {
            return false;
        }
    }
    return json_size(wanted) > 0;
}

/* -- the list -- */

/* N19: a new primary value takes the place of the old one. */
static void reset_primary(struct json *list)
{
    for (size_t i = 0; i < json_size(list); i++) {
        if (is_true(json_item(list, i), "primary")) {
            json_put_boolean(json_item_edit(list, i), "primary", false);
        }
    }
}

static struct json *list_at(struct json *holder, const char *name)
{
    if (json_kind(json_member(holder, name)) != JSON_KIND_ARRAY) {
        json_put(holder, name, json_new_array());
    }
    return json_member_edit(holder, name);
}

/* `element` is taken. */
static void put_or_merge(struct json *list, struct json *element)
{
    for (size_t i = 0; i < json_size(list); i++) {
        struct json *there = json_item_edit(list, i);
        if (!is_same(there, element)) {
            continue;
        }
        if (json_kind(there) == JSON_KIND_OBJECT) {
            scim_patch_value_merge(there, element);
        }
        json_free(element);
        return;
    }
    json_append(list, element);
}

static bool too_many(const struct scim_schema_attribute *attribute, size_t count,
                     struct scim_error *error)
{
    return count > SCIM_RESOURCE_VALUES_MAX &&
           !scim_error_set(error, 400, SCIM_ERROR_INVALID_VALUE, "%s: more than %d values",
                           attribute->name, SCIM_RESOURCE_VALUES_MAX);
}

/* What is given, as a list of normalised elements. NULL: refused. The caller's. */
static struct json *read_list(const struct scim_schema_attribute *attribute,
                              const struct json *value, struct scim_error *error)
{
    if (json_kind(value) == JSON_KIND_ARRAY && too_many(attribute, json_size(value), error)) {
        return NULL;
    }
    struct json *normal = scim_resource_value(attribute, value, error);
    if (normal == NULL || json_kind(normal) == JSON_KIND_ARRAY) {
        return normal;
    }
    struct json *list = json_new_array();
    if (json_kind(normal) == JSON_KIND_NULL) {
        json_free(normal);
    } else {
        json_append(list, normal);
    }
    return list;
}

static bool has_primary(const struct json *list)
{
    for (size_t i = 0; i < json_size(list); i++) {
        if (is_true(json_item(list, i), "primary")) {
            return true;
        }
    }
    return false;
}

static bool append_all(const struct scim_patch_value *change, struct json *list,
                       const struct json *given, struct scim_error *error)
{
    if (has_primary(given)) {
        reset_primary(list);
    }
    for (size_t i = 0; i < json_size(given); i++) {
        if (too_many(change->path->attribute, json_size(list), error) ||
            !scim_patch_value_work(change->work, json_size(list) + 1, error)) {
            return false;
        }
        put_or_merge(list, json_clone(json_item(given, i)));
    }
    return true;
}

/* Counts from the end, so that what goes does not move what is yet to be looked at. */
static bool remove_given(const struct scim_patch_value *change, struct json *list,
                         const struct json *given, struct scim_error *error)
{
    if (!scim_patch_value_work(change->work, json_size(list) * json_size(given), error)) {
        return false;
    }
    for (size_t i = json_size(list); i > 0; i--) {
        bool meant = false;
        for (size_t j = 0; j < json_size(given) && !meant; j++) {
            meant = is_meant(json_item(given, j), json_item(list, i - 1));
        }
        if (meant) {
            json_item_remove(list, i - 1);
        }
    }
    return true;
}

/* Without a filter. A removal with values takes those only (N44 b): to ignore them would empty the list. */
static bool change_all(const struct scim_patch_value *change, struct json *list,
                       struct scim_error *error)
{
    bool remove = change->operation == SCIM_PATCH_VALUE_REMOVE;
    bool listed = json_kind(change->value) == JSON_KIND_ARRAY;
    if (scim_patch_value_none(change->value)) {
        if (change->operation == SCIM_PATCH_VALUE_REPLACE || (remove && !listed)) {
            json_clear(list);
        }
        return true;
    }
    CLEANUP(json_cleanup)
    struct json *given = read_list(change->path->attribute, change->value, error);
    if (given == NULL) {
        return false;
    }
    if (remove) {
        return remove_given(change, list, given, error);
    }
    if (change->operation == SCIM_PATCH_VALUE_REPLACE) {
        json_clear(list);
    }
    return append_all(change, list, given, error);
}

/* -- some of the list -- */

/* Marks the elements that the path means. Without a filter: all. */
static bool *find_matches(const struct scim_patch_value *change, const struct json *list,
                          size_t *count)
{
    size_t size = json_size(list);
    bool *found = arena_new(change->arena, size + 1);
    *count = 0;
    for (size_t i = 0; i < size; i++) {
        found[i] = change->path->filter == NULL ||
                   scim_filter_match_element(change->path->filter, json_item(list, i));
        *count += found[i];
    }
    return found;
}

static struct json *term_value(const struct scim_filter *term)
{
    switch (term->value.kind) {
    case JSON_KIND_TEXT:
        return json_new_text(term->value.text);
    case JSON_KIND_TRUE:
    case JSON_KIND_FALSE:
        return json_new_boolean(term->value.kind == JSON_KIND_TRUE);
    case JSON_KIND_NUMBER:
        return term->value.whole ? json_new_integer(term->value.integer) : NULL;
    case JSON_KIND_NULL:
    case JSON_KIND_ABSENT:
    case JSON_KIND_ARRAY:
    case JSON_KIND_OBJECT:
        break;
    }
    return NULL;
}

/* Puts the terms of `type eq "work" and …` where nothing was given. false: the filter is made of something else. */
static bool put_terms(const struct scim_filter *filter, struct json *element)
{
    for (const struct scim_filter *at = filter; at != NULL; at = at->right) {
        const struct scim_filter *term = at->kind == SCIM_FILTER_AND ? at->left : at;
        if (term->kind != SCIM_FILTER_COMPARE || term->compare != SCIM_FILTER_EQ ||
            term->path.part == NULL || term->path.part->mutability == SCIM_SCHEMA_READ_ONLY) {
            return false;
        }
        if (json_member(element, term->path.part->name) != NULL) {
            continue;
        }
        struct json *value = term_value(term);
        if (value == NULL) {
            return false;
        }
        json_put(element, term->path.part->name, value);
    }
    return true;
}

/* N44 a: Entra sets emails[type eq "work"].value where there is no such value yet. It must match afterwards, or the next one
 * would make another. */
static bool create(const struct scim_patch_value *change, struct json *list, struct json *element,
                   struct scim_error *error)
{
    const struct scim_filter *filter = change->path->filter;
    if (filter != NULL && (json_kind(element) != JSON_KIND_OBJECT || !put_terms(filter, element) ||
                           !scim_filter_match_element(filter, element))) {
        return refuse_no_target(change->path, error);
    }
    CLEANUP(json_cleanup) struct json *given = json_new_array();
    json_append(given, json_clone(element));
    return append_all(change, list, given, error);
}

static bool create_by_part(const struct scim_patch_value *change, struct json *list,
                           struct scim_error *error)
{
    CLEANUP(json_cleanup) struct json *element = json_new_object();
    if (scim_patch_value_none(change->value)) {
        return true;
    }
    return scim_patch_value_set_part(change, element, error) &&
           create(change, list, element, error);
}

/* A value that lost its `value`, or all that it had, is none. */
static void drop_hollow(const struct scim_patch_value *change, struct json *list, const bool *found)
{
    bool was_value = strcmp(change->path->part->name, "value") == 0;
    for (size_t i = json_size(list); i > 0; i--) {
        const struct json *element = json_item(list, i - 1);
        if (found[i - 1] &&
            ((was_value && json_member(element, "value") == NULL) || json_size(element) == 0)) {
            json_item_remove(list, i - 1);
        }
    }
}

/* `emails.value` without a filter can only mean one: the only one, or the primary one. */
static bool choose_one(const struct scim_patch_value *change, const struct json *list, bool *found,
                       size_t *count, struct scim_error *error)
{
    bool remove = change->operation == SCIM_PATCH_VALUE_REMOVE;
    if (change->path->filter != NULL || remove || *count <= 1) {
        return true;
    }
    *count = 0;
    for (size_t i = 0; i < json_size(list); i++) {
        found[i] = is_true(json_item(list, i), "primary");
        *count += found[i];
    }
    return *count == 1 ||
           scim_error_set(error, 400, SCIM_ERROR_NO_TARGET,
                          "%s: has several values: say which one, as in %s[type eq \"work\"].%s",
                          change->path->attribute->name, change->path->attribute->name,
                          change->path->part->name);
}

static bool change_parts(const struct scim_patch_value *change, struct json *list,
                         struct scim_error *error)
{
    size_t count;
    bool remove = change->operation == SCIM_PATCH_VALUE_REMOVE;
    bool *found = find_matches(change, list, &count);
    if (!choose_one(change, list, found, &count, error)) {
        return false;
    }
    if (count == 0) {
        return remove || create_by_part(change, list, error);
    }
    CLEANUP(json_cleanup) struct json *part = json_new_object();
    if (!remove && (!scim_patch_value_set_part(change, part, error))) {
        return false;
    }
    if (is_true(part, "primary")) {
        reset_primary(list);
    }
    for (size_t i = 0; i < json_size(list); i++) {
        if (found[i] && !scim_patch_value_set_part(change, json_item_edit(list, i), error)) {
            return false;
        }
    }
    drop_hollow(change, list, found);
    return true;
}

/* `replace` puts the given value in the place of the first match, and takes out the others. */
static void replace_matches(struct json *list, const bool *found, const struct json *element)
{
    size_t first = 0;
    while (!found[first]) {
        first++;
    }
    for (size_t i = json_size(list); i > first + 1; i--) {
        if (found[i - 1]) {
            json_item_remove(list, i - 1);
        }
    }
    json_item_put(list, first, json_clone(element));
}

static bool change_matches(const struct scim_patch_value *change, struct json *list,
                           const bool *found, struct json *element, struct scim_error *error)
{
    bool plain = json_kind(element) != JSON_KIND_OBJECT;
    if (is_true(element, "primary")) {
        reset_primary(list);
    }
    if (change->operation == SCIM_PATCH_VALUE_REPLACE) {
        if (!plain) {
            (void)put_terms(change->path->filter, element);
        }
        replace_matches(list, found, element);
        return true;
    }
    if (plain) {
        return scim_patch_value_work(change->work, json_size(list), error) &&
               (put_or_merge(list, json_clone(element)), true);
    }
    for (size_t i = 0; i < json_size(list); i++) {
        if (found[i]) {
            scim_patch_value_merge(json_item_edit(list, i), element);
        }
    }
    return true;
}

static void remove_matches(struct json *list, const bool *found)
{
    for (size_t i = json_size(list); i > 0; i--) {
        if (found[i - 1]) {
            json_item_remove(list, i - 1);
        }
    }
}

/* One element; a JSON null: it is none. NULL: refused. The caller's. */
static struct json *read_element(const struct scim_patch_value *change, struct scim_error *error)
{
    bool none =
        change->operation == SCIM_PATCH_VALUE_REMOVE || scim_patch_value_none(change->value);
    return none ? json_new_null()
                : scim_resource_element(change->path->attribute, change->value, error);
}

/* The removal of what is not there has succeeded already; a replacement has nothing to replace (N40). */
static bool change_found(const struct scim_patch_value *change, struct json *list,
                         struct scim_error *error)
{
    size_t count;
    bool *found = find_matches(change, list, &count);
    bool add = change->operation == SCIM_PATCH_VALUE_ADD;
    CLEANUP(json_cleanup) struct json *element = read_element(change, error);
    if (element == NULL) {
        return false;
    }
    if (json_kind(element) == JSON_KIND_NULL) {
        if (!add) {
            remove_matches(list, found);
        }
        return true;
    }
    if (count > 0) {
        return change_matches(change, list, found, element, error);
    }
    return add ? create(change, list, element, error) : refuse_no_target(change->path, error);
}

bool scim_patch_list_apply(const struct scim_patch_value *change, struct json *holder,
                           struct scim_error *error)
{
    const struct scim_path *path = change->path;
    struct json *list = list_at(holder, path->attribute->name);
    bool required = path->attribute->required && json_size(list) > 0;
    bool some = path->part != NULL || path->filter != NULL;
    /* Filters cost more than comparing. */
    if (some && !scim_patch_value_work(change->work, 10 * json_size(list), error)) {
        return false;
    }
    bool applied = path->part != NULL     ? change_parts(change, list, error)
                   : path->filter != NULL ? change_found(change, list, error)
                                          : change_all(change, list, error);
    if (!applied) {
        return false;
    }
    if (json_size(list) == 0) {
        json_remove(holder, path->attribute->name);
    }
    return !(required && json_member(holder, path->attribute->name) == NULL) ||
           scim_error_set(error, 400, SCIM_ERROR_MUTABILITY,
                          "%s: is required, it cannot be removed", path->attribute->name);
}
