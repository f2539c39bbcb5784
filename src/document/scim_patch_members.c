/* scim_patch_members.c - PATCH of a group's members: who comes and who goes, without reading who is there. */
#include "document/scim_patch_members.h"

#include "base/memory.h"
#include "document/scim_filter.h"
#include "document/scim_resource.h"

static bool refuse_value(struct scim_error *error, const char *why)
{
    return scim_error_set(error, 400, SCIM_ERROR_INVALID_VALUE, "members: %s", why);
}

static bool refuse_parts(struct scim_error *error)
{
    return scim_error_set(error, 400, SCIM_ERROR_MUTABILITY,
                          "members: what a member consists of cannot be changed; add or remove it");
}

/* `member` is taken; NULL: goes. */
static void decide(struct scim_patch_members_plan *plan, struct arena *arena, struct span id,
                   struct json *member)
{
    const char *name = span_text(arena, id);
    if (member == NULL) {
        json_put_null(plan->fate, name);
    } else {
        json_put(plan->fate, name, member);
    }
}

static void clear(struct scim_patch_members_plan *plan)
{
    json_clear(plan->fate);
    plan->clears = true;
}

/* -- those that are listed -- */

static bool add_one(struct scim_patch_members_plan *plan, const struct scim_patch_value *change,
                    const struct json *given, struct scim_error *error)
{
    struct span id;
    if (json_kind(given) == JSON_KIND_NULL) {
        return true;
    }
    struct json *member = scim_resource_element(change->path->attribute, given, error);
    if (member == NULL) {
        return false;
    }
    if (!json_text(member, "value", &id) || span_empty(id)) {
        json_free(member);
        return refuse_value(error, "a member has no value");
    }
    /* Which URL it has is ours to say. */
    json_remove(member, "$ref");
    const char *name = span_text(change->arena, id);
    json_put(plan->fate, name, member);
    return true;
}

/* A member is found by its id alone, whatever else is told of it. */
static bool id_of(const struct json *given, struct span *id)
{
    struct json_cursor cursor = {0};
    *id = json_value_text(given);
    while (json_kind(given) == JSON_KIND_OBJECT && json_next(given, &cursor)) {
        if (span_is_fold(SPAN_LITERAL("value"), cursor.name)) {
            *id = json_value_text(cursor.value);
            break;
        }
    }
    return !span_empty(*id);
}

static bool remove_one(struct scim_patch_members_plan *plan, const struct scim_patch_value *change,
                       const struct json *given, struct scim_error *error)
{
    struct span id;
    if (!id_of(given, &id)) {
        return refuse_value(error, "a member to remove has no value");
    }
    decide(plan, change->arena, id, NULL);
    return true;
}

static bool change_one(struct scim_patch_members_plan *plan, const struct scim_patch_value *change,
                       const struct json *given, struct scim_error *error)
{
    return change->operation == SCIM_PATCH_VALUE_REMOVE ? remove_one(plan, change, given, error)
                                                        : add_one(plan, change, given, error);
}

/* As many as a body of POST may name. */
static bool check_count(const struct scim_patch_members_plan *plan, struct scim_error *error)
{
    return json_size(plan->fate) <= SCIM_RESOURCE_MEMBERS_MAX ||
           scim_error_set(error, 400, SCIM_ERROR_INVALID_VALUE, "members: more than %d values",
                          SCIM_RESOURCE_MEMBERS_MAX);
}

static bool change_listed(struct scim_patch_members_plan *plan,
                          const struct scim_patch_value *change, struct scim_error *error)
{
    if (json_kind(change->value) != JSON_KIND_ARRAY) {
        return change_one(plan, change, change->value, error) && check_count(plan, error);
    }
    for (size_t i = 0; i < json_size(change->value); i++) {
        if (!change_one(plan, change, json_item(change->value, i), error)) {
            return false;
        }
    }
    return check_count(plan, error);
}

/* `replace` by nothing empties the group, and so does a removal that names nobody; one of an empty list removes nobody. */
static bool change_all(struct scim_patch_members_plan *plan, const struct scim_patch_value *change,
                       struct scim_error *error)
{
    bool none = scim_patch_value_none(change->value);
    bool listed = json_kind(change->value) == JSON_KIND_ARRAY;
    bool remove = change->operation == SCIM_PATCH_VALUE_REMOVE;
    if (change->operation == SCIM_PATCH_VALUE_REPLACE || (remove && none && !listed)) {
        clear(plan);
    }
    return none || change_listed(plan, change, error);
}

/* -- those that a filter finds -- */

static bool is_found(const struct scim_patch_value *change, const struct json *member)
{
    return json_kind(member) == JSON_KIND_OBJECT &&
           scim_filter_match_element(change->path->filter, member);
}

/* Those that are there and of whom no operation has spoken. */
static void remove_present(struct scim_patch_members_plan *plan,
                           const struct scim_patch_value *change)
{
    for (size_t i = 0; !plan->clears && i < json_size(plan->present); i++) {
        const struct json *member = json_item(plan->present, i);
        struct span id;
        if (!id_of(member, &id) || !is_found(change, member)) {
            continue;
        }
        const char *name = span_text(change->arena, id);
        if (json_member(plan->fate, name) == NULL) {
            json_put_null(plan->fate, name);
        }
    }
}

/* Those that came before in the same body. */
static void remove_added(struct scim_patch_members_plan *plan,
                         const struct scim_patch_value *change)
{
    struct json_cursor cursor = {0};
    size_t count = 0;
    const char **found = arena_new(change->arena, (json_size(plan->fate) + 1) * sizeof *found);
    while (json_next(plan->fate, &cursor)) {
        if (is_found(change, cursor.value)) {
            found[count++] = cursor.name;
        }
    }
    for (size_t i = 0; i < count; i++) {
        decide(plan, change->arena, span_of(found[i]), NULL);
    }
}

static bool remove_found(struct scim_patch_members_plan *plan,
                         const struct scim_patch_value *change, struct scim_error *error)
{
    struct span ids[SCIM_FILTER_NODES_MAX];
    size_t count;
    if (scim_filter_member_values(change->path->filter, ids, SCIM_FILTER_NODES_MAX, &count)) {
        for (size_t i = 0; i < count; i++) {
            decide(plan, change->arena, ids[i], NULL);
        }
        return true;
    }
    if (plan->present == NULL && !plan->clears) {
        plan->needs = true;
        return true;
    }
    size_t looked_at = json_size(plan->present) + json_size(plan->fate) + 1;
    if (!scim_patch_value_work(change->work, 10 * looked_at, error)) {
        return false;
    }
    remove_present(plan, change);
    remove_added(plan, change);
    return true;
}

bool scim_patch_members_apply(struct scim_patch_members_plan *plan,
                              const struct scim_patch_value *change, struct scim_error *error)
{
    const struct scim_path *path = change->path;
    bool remove = change->operation == SCIM_PATCH_VALUE_REMOVE;
    bool is_value = path->part != NULL && strcmp(path->part->name, "value") == 0;
    if (plan->fate == NULL) {
        plan->fate = json_new_object();
    }
    plan->touched = true;
    /* A part of a member cannot change (N21); its `value` stands for the whole where that cannot be misunderstood. */
    if (path->part != NULL && !is_value) {
        return refuse_parts(error);
    }
    if (path->filter != NULL) {
        return remove ? remove_found(plan, change, error) : refuse_parts(error);
    }
    if (is_value && (change->operation == SCIM_PATCH_VALUE_REPLACE ||
                     (remove && scim_patch_value_none(change->value)))) {
        return refuse_parts(error);
    }
    return change_all(plan, change, error);
}

void scim_patch_members_finish(const struct scim_patch_members_plan *plan,
                               struct scim_patch_members *members)
{
    struct json_cursor cursor = {0};
    *members = (struct scim_patch_members){
        .touched = plan->touched, .clears = plan->clears, .needs = plan->needs};
    while (plan->fate != NULL && json_next(plan->fate, &cursor)) {
        bool comes = json_kind(cursor.value) == JSON_KIND_OBJECT;
        struct json **list = comes ? &members->add : &members->remove;
        if (!comes && plan->clears) {
            continue; /* has gone with all others */
        }
        if (*list == NULL) {
            *list = json_new_array();
        }
        if (comes) {
            json_append(*list, json_clone(cursor.value));
        } else {
            json_append_text(*list, span_of(cursor.name));
        }
    }
}

void scim_patch_members_done(struct scim_patch_members_plan *plan)
{
    json_free(plan->fate);
    plan->fate = NULL;
}
