/* scim_users.c - /Users: made, read, replaced, patched, deleted. */
#include "scim/scim_users.h"

#include "base/memory.h"
#include "document/scim_patch.h"
#include "scim/scim_body.h"
#include "scim/scim_mail.h"
#include "scim/scim_show.h"
#include "scim/scim_write.h"

enum users_kind { USERS_POST, USERS_PUT, USERS_PATCH };

enum users_state {
    USERS_MAKE_DOCUMENT,
    USERS_HASH_PASSWORD,
    USERS_CHANGE,
};

/* One writing request. The document is made again when another change came first. */
struct users {
    struct scim_call *call;
    enum users_kind kind;
    enum users_state state;
    int tries;
    struct resource before; /* PUT, PATCH */
    struct json *stored;    /* PUT, PATCH: the document of `before` */
    struct json *document;
    bool asserts_active;
    bool hashed; /* `password_hash` is the one that was sent */
    struct span password_hash;
    struct password_hash *hash;
    struct change_run *run;
};

static void make_document(struct users *users);

static void free_users(void *task)
{
    struct users *users = task;
    password_hash_cancel(users->hash);
    change_forget(users->run);
    json_wipe(users->document, "password");
    json_free(users->document);
    json_free(users->stored);
    memory_free(users);
}

/* -- the change -- */

static void on_changed(const struct change_result *result, void *context)
{
    struct users *users = context;
    struct scim_call *call = users->call;
    users->run = NULL;
    bool again = result->answer == CHANGE_STALE && span_empty(call->if_match);
    if (again && users->tries < SCIM_WRITE_TRIES_MAX) {
        make_document(users);
        return;
    }
    if (result->answer != CHANGE_DONE && result->answer != CHANGE_SAME) {
        scim_write_refused(call, result);
    } else if (result->resource == NULL) {
        scim_call_unavailable(call);
    } else {
        scim_show_start(call, result->resource, users->kind == USERS_POST ? 201 : 200);
    }
}

/* 5.3: absent means active when it is made, and says nothing afterwards. */
static enum provision_state wanted_state(const struct users *users)
{
    bool active;
    bool said = json_boolean(users->document, "active", &active);
    if (users->kind != USERS_POST && (!said || !users->asserts_active)) {
        return PROVISION_KEEP;
    }
    return active || !said ? PROVISION_ACTIVE : PROVISION_DISABLED;
}

/* What is there, and what it meant. A token that may less than it might then (its domains, its rights) cannot read that any
 * more: then all is set anew. */
static void replaces(struct users *users, struct provision_user *user,
                     struct provision_user *before)
{
    struct scim_call *call = users->call;
    struct scim_error ignored;
    user->resource.id = call->id;
    user->resource.version_read = users->before.version;
    if (user->before == NULL &&
        scim_mail_user(&call->client, users->stored, &call->arena, before, &ignored)) {
        user->before = before;
    }
    if (json_same(users->stored, users->document)) {
        user->resource.document = users->before.document;
    }
}

/* Whether nothing but `active` differs from what is stored, and it ends. */
static bool only_disables(const struct users *users)
{
    if (users->kind == USERS_POST || wanted_state(users) != PROVISION_DISABLED || users->hashed) {
        return false;
    }
    CLEANUP(json_cleanup) struct json *before = json_clone(users->stored);
    CLEANUP(json_cleanup) struct json *after = json_clone(users->document);
    json_remove(before, "active");
    json_remove(after, "active");
    return json_same(before, after);
}

static struct provision_list email_keys(const struct json *document, struct arena *arena)
{
    const struct json *emails = json_member(document, "emails");
    struct span *items = arena_new(arena, (json_size(emails) + 1) * sizeof *items);
    struct provision_list list = {.items = items};
    for (size_t i = 0; i < json_size(emails) && list.count < PROVISION_LIST_MAX; i++) {
        struct span value = json_value_text(json_member(json_item(emails, i), "value"));
        if (!span_empty(value)) {
            items[list.count++] = scim_resource_fold(value, arena);
        }
    }
    return list;
}

/* That a person is disabled is not refused because the token may not say the rest of it any more (its domains, its
 * rights): all else stays as it is. */
static void keep_all(struct users *users, struct provision_user *user, struct provision_user *same)
{
    const struct resource *before = &users->before;
    *user = (struct provision_user){
        .quota_bytes = -1,
        .retention_days = -1,
        .resource = {.external_id = before->external_id,
                     .name = before->name,
                     .name_key = before->name_key,
                     .display_key = before->display_key,
                     .email_keys = email_keys(users->document, &users->call->arena)},
    };
    *same = *user;
    user->before = same;
}

static void start_change(struct users *users)
{
    struct scim_call *call = users->call;
    struct provision_user user = {0}, before;
    struct scim_error error;
    users->state = USERS_CHANGE;
    if (!scim_mail_user(&call->client, users->document, &call->arena, &user, &error)) {
        if (!only_disables(users)) {
            scim_call_refuse(call, &error);
            return;
        }
        keep_all(users, &user, &before);
    }
    if (!scim_write_text(call, users->document, &user.resource.document)) {
        return;
    }
    if (users->kind != USERS_POST) {
        replaces(users, &user, &before);
    }
    user.state = wanted_state(users);
    user.set_password = users->hashed;
    user.password_hash = users->password_hash;
    const struct change change = {
        .kind = CHANGE_USER_PROVISION,
        .actor = call->actor,
        .client = &call->client,
        .user = &user,
    };
    users->run = change_start(call->door->services.changes, &change, on_changed, users);
}

/* -- the password -- */

static void on_hashed(struct span hash, void *context)
{
    struct users *users = context;
    users->hash = NULL;
    if (span_empty(hash)) {
        users->call->reason = "password_queue_full";
        scim_call_unavailable(users->call);
        return;
    }
    users->password_hash = span_copy(&users->call->arena, hash);
    users->hashed = true;
    start_change(users);
}

static void start_hash(struct users *users, const struct secret *password)
{
    struct scim_call *call = users->call;
    users->state = USERS_HASH_PASSWORD;
    users->hash = password_hash_start(call->door->services.passwords, password, on_hashed, users);
    if (users->hash == NULL) {
        on_hashed((struct span){0}, users);
    }
}

/* Takes it out of the document: it is neither stored in it nor ever returned. Without the right it is ignored. */
static bool take_password(struct users *users, struct secret *password)
{
    struct span text;
    bool taken = json_text(users->document, "password", &text) && !span_empty(text) &&
                 (users->call->client.rights & CLIENT_SET_PASSWORD) != 0 && !users->hashed;
    if (taken && (text.length > PASSWORD_MAX || span_has(text, '\0'))) {
        scim_call_refuse_with(users->call, 400, SCIM_ERROR_INVALID_VALUE,
                              "password: at most %d bytes", PASSWORD_MAX);
        return false;
    }
    if (taken) {
        *password = secret_new(text);
    }
    json_wipe(users->document, "password");
    json_remove(users->document, "password");
    return true;
}

static void hash_then_change(struct users *users)
{
    CLEANUP(secret_done) struct secret password = {0};
    struct scim_error error;
    if (!take_password(users, &password)) {
        return;
    }
    if (!scim_resource_check(SCIM_SCHEMA_USERS, users->document, &error)) {
        scim_call_refuse(users->call, &error);
    } else if (!secret_empty(&password)) {
        start_hash(users, &password);
    } else {
        start_change(users);
    }
}

/* -- the document -- */

/* 5.2, rule 6: what a PUT does not say about addresses stays, and so does what is shown of them. */
static void keep_member(struct json *document, const struct json *stored, const char *name)
{
    if (json_member(stored, name) != NULL) {
        json_put(document, name, json_clone(json_member(stored, name)));
    }
}

static void keep_addresses(struct json *document, const struct json *stored)
{
    static const char *const names[] = {"primaryAddress", "aliases"};
    const struct json *before = json_member(stored, SCIM_SCHEMA_MAIL_USER);
    keep_member(document, stored, "emails");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (json_member(before, names[i]) == NULL) {
            continue;
        }
        if (json_member(document, SCIM_SCHEMA_MAIL_USER) == NULL) {
            json_put(document, SCIM_SCHEMA_MAIL_USER, json_new_object());
        }
        keep_member(json_member_edit(document, SCIM_SCHEMA_MAIL_USER), before, names[i]);
    }
}

static bool speaks_of_addresses(const struct json *body)
{
    return scim_resource_asserts(body, "emails") ||
           scim_resource_asserts_in(body, SCIM_SCHEMA_MAIL_USER, "primaryAddress") ||
           scim_resource_asserts_in(body, SCIM_SCHEMA_MAIL_USER, "aliases");
}

static bool immutables_stay(const struct users *users, const struct json *stored,
                            struct scim_error *error)
{
    return (users->call->client.rights & CLIENT_MOVE) != 0 ||
           scim_resource_check_immutable(SCIM_SCHEMA_USERS, stored, users->document, error);
}

static bool replace(struct users *users, const struct json *stored, struct scim_error *error)
{
    struct scim_call *call = users->call;
    users->document = scim_body_document(call, error);
    if (users->document == NULL || !immutables_stay(users, stored, error)) {
        return false;
    }
    users->asserts_active = json_member(users->document, "active") != NULL;
    if (!speaks_of_addresses(call->body)) {
        keep_addresses(users->document, stored);
    }
    if (!users->asserts_active) {
        keep_member(users->document, stored, "active");
    }
    return true;
}

static bool patch(struct users *users, const struct json *stored, struct scim_error *error)
{
    struct scim_call *call = users->call;
    struct scim_patch_result result = {0};
    users->document = json_clone(stored);
    struct scim_patch_target target = {.resource = SCIM_SCHEMA_USERS,
                                       .id = call->id,
                                       .document = users->document,
                                       .immutable_allowed =
                                           (call->client.rights & CLIENT_MOVE) != 0};
    bool applied = scim_patch_apply(call->body, &target, &result, error);
    users->asserts_active = result.sets_active;
    scim_patch_result_done(&result);
    return applied;
}

/* What is there, for PUT and PATCH. false: the call has ended. */
static bool read_stored(struct users *users)
{
    struct scim_call *call = users->call;
    if (!scim_write_find(call, &users->before) || !scim_write_condition(call, &users->before)) {
        return false;
    }
    json_free(users->stored);
    users->stored = scim_write_stored(call, &users->before);
    return users->stored != NULL;
}

static void make_document(struct users *users)
{
    struct scim_call *call = users->call;
    struct scim_error error;
    bool made = true;
    users->state = USERS_MAKE_DOCUMENT;
    users->tries++;
    json_wipe(users->document, "password");
    json_free(users->document);
    users->document = NULL;
    if (users->kind != USERS_POST && !read_stored(users)) {
        return;
    }
    switch (users->kind) {
    case USERS_POST:
        users->document = scim_body_document(call, &error);
        made = users->document != NULL;
        /* As it is shown: whoever says so afterwards changes nothing. */
        if (made && json_member(users->document, "active") == NULL) {
            json_put_boolean(users->document, "active", true);
        }
        break;
    case USERS_PUT:
        made = replace(users, users->stored, &error);
        break;
    case USERS_PATCH:
        made = patch(users, users->stored, &error);
        break;
    }
    if (made) {
        hash_then_change(users);
    } else {
        scim_call_refuse(call, &error);
    }
}

static void start(struct scim_call *call, enum users_kind kind)
{
    struct users *users = MEMORY_NEW(struct users);
    users->call = call;
    users->kind = kind;
    call->task = users;
    call->task_free = free_users;
    make_document(users);
}

/* -- the routes -- */

void scim_users_post(struct scim_call *call)
{
    start(call, USERS_POST);
}

void scim_users_put(struct scim_call *call)
{
    start(call, USERS_PUT);
}

void scim_users_patch(struct scim_call *call)
{
    start(call, USERS_PATCH);
}

void scim_users_get(struct scim_call *call)
{
    struct resource resource;
    if (!scim_write_find(call, &resource)) {
        return;
    }
    if (!span_empty(call->if_none_match) &&
        scim_call_tags_hold(call->if_none_match, resource.version)) {
        scim_call_end(call, &(struct scim_reply){.status = 304, .version = resource.version});
        return;
    }
    scim_show_start(call, &resource, 200);
}
