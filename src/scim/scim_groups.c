/* scim_groups.c - /Groups: made, replaced, patched. */
#include "scim/scim_groups.h"

#include "base/memory.h"
#include "document/scim_patch.h"
#include "scim/scim_body.h"
#include "scim/scim_mail.h"
#include "scim/scim_members.h"
#include "scim/scim_show.h"
#include "scim/scim_write.h"

enum groups_kind { GROUPS_POST, GROUPS_PUT, GROUPS_PATCH };

enum groups_state {
    GROUPS_MAKE_DOCUMENT,
    GROUPS_READ_MEMBERS, /* a PATCH filter asks for what is there */
    GROUPS_FIND_MEMBERS,
    GROUPS_CHANGE,
};

/* One writing request. All is done again when another change came first. */
struct groups {
    struct scim_call *call;
    enum groups_kind kind;
    enum groups_state state;
    int tries;
    struct resource before; /* PUT, PATCH */
    struct json *document;  /* without the members */
    struct json *add, *remove;
    bool clears, changed;
    bool filtered; /* by a filter on the members that were there */
    struct scim_members *members;
    struct change_run *run;
};

static void make_document(struct groups *groups);

static void forget(struct groups *groups)
{
    json_free(groups->document);
    json_free(groups->add);
    json_free(groups->remove);
    scim_members_free(groups->members);
    groups->document = groups->add = groups->remove = NULL;
    groups->members = NULL;
    groups->clears = groups->changed = groups->filtered = false;
}

static void free_groups(void *task)
{
    struct groups *groups = task;
    change_forget(groups->run);
    forget(groups);
    memory_free(groups);
}

/* -- the change -- */

/* Entra wants 204 for what it did to a group; RFC 7644, 3.5.2: 200 when attributes are asked for. */
static void answer(struct groups *groups, const struct resource *resource)
{
    struct scim_call *call = groups->call;
    bool asked = call->page_query->projection.given;
    if (groups->kind == GROUPS_PATCH && !asked) {
        scim_call_end(call, &(struct scim_reply){.status = 204, .version = resource->version});
    } else {
        scim_show_start(call, resource, groups->kind == GROUPS_POST ? 201 : 200);
    }
}

static void on_changed(const struct change_result *result, void *context)
{
    struct groups *groups = context;
    struct scim_call *call = groups->call;
    groups->run = NULL;
    bool again = result->answer == CHANGE_STALE && span_empty(call->if_match);
    if (again && groups->tries < SCIM_WRITE_TRIES_MAX) {
        make_document(groups);
        return;
    }
    if (result->answer != CHANGE_DONE && result->answer != CHANGE_SAME) {
        scim_write_refused(call, result);
    } else if (result->resource == NULL) {
        scim_call_unavailable(call);
    } else {
        answer(groups, result->resource);
    }
}

/* Whether what was read before decides what is written. Who only puts members in or takes them out does so to whatever
 * is there by then. */
static bool must_be_same(const struct groups *groups)
{
    return groups->changed || groups->clears || groups->filtered ||
           !span_empty(groups->call->if_match);
}

static void on_members(const struct scim_members_found *found, void *context)
{
    struct groups *groups = context;
    struct scim_call *call = groups->call;
    struct provision_group group = {0};
    struct scim_error error;
    groups->state = GROUPS_CHANGE;
    if (found->answer == SCIM_MEMBERS_UNAVAILABLE) {
        scim_call_unavailable(call);
        return;
    }
    if (found->answer == SCIM_MEMBERS_REFUSED) {
        scim_call_refuse(call, &found->error);
        return;
    }
    if (!scim_mail_group(&call->client, groups->document, &call->arena, &group, &error)) {
        if (groups->changed || found->add_count > 0) {
            scim_call_refuse(call, &error);
            return;
        }
        /* That somebody leaves is not refused because the token may not say the rest of it any more. */
        group = (struct provision_group){.resource.name = groups->before.name};
    }
    if (!scim_write_text(call, groups->document, &group.resource.document)) {
        return;
    }
    if (groups->kind != GROUPS_POST) {
        scim_mail_group_keep_address(&call->client, groups->document, groups->before.addresses,
                                     &call->arena, &group);
        group.resource.id = call->id;
        group.resource.version_read = must_be_same(groups) ? groups->before.version : 0;
    }
    group.resource_changed = groups->changed;
    group.add = found->add;
    group.add_count = found->add_count;
    group.remove = found->remove;
    group.remove_count = found->remove_count;
    const struct change change = {
        .kind = CHANGE_GROUP_PROVISION,
        .actor = call->actor,
        .client = &call->client,
        .group = &group,
    };
    groups->run = change_start(call->door->services.changes, &change, on_changed, groups);
}

static void find_members(struct groups *groups)
{
    struct scim_error error;
    if (!scim_resource_check(SCIM_SCHEMA_GROUPS, groups->document, &error)) {
        scim_call_refuse(groups->call, &error);
        return;
    }
    groups->state = GROUPS_FIND_MEMBERS;
    const struct scim_members_wanted wanted = {
        .group_id = groups->kind == GROUPS_POST ? (struct span){0} : groups->call->id,
        .clears = groups->clears,
        .add = groups->add,
        .remove = groups->remove,
    };
    groups->members = scim_members_start(groups->call, &wanted, on_members, groups);
}

/* -- the document -- */

static bool read_body(struct groups *groups, struct scim_error *error)
{
    groups->document = scim_body_document(groups->call, error);
    if (groups->document == NULL) {
        return false;
    }
    const struct json *members = json_member(groups->document, "members");
    if (members != NULL) {
        groups->add = json_clone(members);
        json_remove(groups->document, "members");
    }
    return true;
}

/* Members that a PUT does not name at all stay: some clients only rename by it. */
static bool replace(struct groups *groups, const struct json *stored, struct scim_error *error)
{
    if (!read_body(groups, error) ||
        !scim_resource_check_immutable(SCIM_SCHEMA_GROUPS, stored, groups->document, error)) {
        return false;
    }
    groups->clears = scim_resource_asserts(groups->call->body, "members");
    groups->changed = !json_same(stored, groups->document);
    return true;
}

static void on_present(struct json *taken, void *context);

/* false: refused, `error` is filled. What needs the present members goes on when they are there. */
static bool apply(struct groups *groups, const struct json *present, struct scim_error *error)
{
    struct scim_call *call = groups->call;
    struct scim_patch_result result = {0};
    struct scim_patch_target target = {.resource = SCIM_SCHEMA_GROUPS,
                                       .id = call->id,
                                       .document = groups->document,
                                       .present = present};
    bool applied = scim_patch_apply(call->body, &target, &result, error);
    if (applied && result.members.needs) {
        groups->state = GROUPS_READ_MEMBERS;
        groups->members = scim_members_read(call, call->id, on_present, groups);
    } else if (applied) {
        groups->changed = result.changed;
        groups->clears = result.members.clears;
        groups->add = result.members.add;
        groups->remove = result.members.remove;
        result.members.add = result.members.remove = NULL;
    }
    scim_patch_result_done(&result);
    return applied;
}

static void on_present(struct json *taken, void *context)
{
    struct groups *groups = context;
    struct scim_error error;
    CLEANUP(json_cleanup) struct json *present = taken, *stored = NULL;
    scim_members_free(groups->members);
    groups->members = NULL;
    groups->filtered = true;
    if (present == NULL) {
        scim_call_unavailable(groups->call);
        return;
    }
    stored = scim_write_stored(groups->call, &groups->before);
    if (stored == NULL) {
        return;
    }
    json_free(groups->document);
    groups->document = json_clone(stored);
    if (apply(groups, present, &error)) {
        find_members(groups);
    } else {
        scim_call_refuse(groups->call, &error);
    }
}

static bool patch(struct groups *groups, const struct json *stored, struct scim_error *error)
{
    groups->document = json_clone(stored);
    return apply(groups, NULL, error);
}

/* What is there, for PUT and PATCH. false: the call has ended. */
static bool read_stored(struct groups *groups, struct json **stored)
{
    struct scim_call *call = groups->call;
    if (!scim_write_find(call, &groups->before) || !scim_write_condition(call, &groups->before)) {
        return false;
    }
    *stored = scim_write_stored(call, &groups->before);
    return *stored != NULL;
}

static void make_document(struct groups *groups)
{
    struct scim_error error;
    CLEANUP(json_cleanup) struct json *stored = NULL;
    bool made = true;
    forget(groups);
    groups->state = GROUPS_MAKE_DOCUMENT;
    groups->tries++;
    if (groups->kind != GROUPS_POST && !read_stored(groups, &stored)) {
        return;
    }
    switch (groups->kind) {
    case GROUPS_POST:
        made = read_body(groups, &error);
        groups->changed = true;
        break;
    case GROUPS_PUT:
        made = replace(groups, stored, &error);
        break;
    case GROUPS_PATCH:
        made = patch(groups, stored, &error);
        break;
    }
    if (!made) {
        scim_call_refuse(groups->call, &error);
    } else if (groups->state == GROUPS_MAKE_DOCUMENT) {
        find_members(groups);
    }
}

static void start(struct scim_call *call, enum groups_kind kind)
{
    struct groups *groups = MEMORY_NEW(struct groups);
    groups->call = call;
    groups->kind = kind;
    call->task = groups;
    call->task_free = free_groups;
    make_document(groups);
}

void scim_groups_post(struct scim_call *call)
{
    start(call, GROUPS_POST);
}

void scim_groups_put(struct scim_call *call)
{
    start(call, GROUPS_PUT);
}

void scim_groups_patch(struct scim_call *call)
{
    start(call, GROUPS_PATCH);
}
