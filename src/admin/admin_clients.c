/* admin_clients.c - the calls that look at provisioning clients. */
#include "admin/admin_clients.h"

#include "account/resource.h"
#include "admin/admin_client_changes.h"
#include "base/memory.h"

enum { GROUPS_COUNTED_MAX = 100 * 1000 };

static const char *members_name(enum client_members members)
{
    return members == CLIENT_MEMBERS_SKIP ? "skip" : "reject";
}

static const char *adopt_name(enum client_adopt adopt)
{
    switch (adopt) {
    case CLIENT_ADOPT_EXTERNAL_ID:
        return "externalId";
    case CLIENT_ADOPT_ADDRESS:
        return "address";
    case CLIENT_ADOPT_NEVER:
        break;
    }
    return "never";
}

static void put_rights(struct json *object, unsigned rights)
{
    CLEANUP(buffer_done) struct buffer words = buffer_limited(256);
    client_rights_write(rights, &words);
    for (size_t i = 0; i < words.length; i++) {
        words.at[i] = words.at[i] == ',' ? ' ' : words.at[i];
    }
    admin_call_put_words(object, "rights", buffer_span(&words));
}

struct json *admin_clients_json(const struct client *client)
{
    struct json *shown = json_new_object();
    json_put_text(shown, "name", client->name);
    json_put_text(shown, "id", span_of(client->id));
    admin_call_put_words(shown, "domains", client->domains);
    put_rights(shown, client->rights);
    admin_call_put_text(shown, "provider", client->provider);
    admin_call_put_text(shown, "default_domain", client->default_domain);
    admin_call_put_text(shown, "group_template", client->group_template);
    admin_call_put_words(shown, "networks", client->networks);
    json_put_text(shown, "unknown_members", span_of(members_name(client->members)));
    json_put_text(shown, "adopt", span_of(adopt_name(client->adopt)));
    admin_call_put_time(shown, "adopt_until",
                        client->adopt == CLIENT_ADOPT_ADDRESS ? client->adopt_until : 0);
    json_put_boolean(shown, "frozen", client->frozen);
    admin_call_put_time(shown, "created", client->created);
    admin_call_put_time(shown, "changed", client->changed);
    admin_call_put_time(shown, "last_used", client->last_used);
    return shown;
}

/* One client after another: its secrets, its users, its groups. */

static void next_client(struct admin_call *call);

static void on_groups(const struct store_rows *rows, void *context)
{
    struct admin_call *call = context;
    if (admin_call_read_failed(call, rows)) {
        return;
    }
    json_put_integer(json_item_edit(call->list, call->at), "groups", (int64_t)rows->rows);
    call->at++;
    next_client(call);
}

static void on_secrets(const struct store_rows *rows, void *context)
{
    struct admin_call *call = context;
    if (admin_call_read_failed(call, rows)) {
        return;
    }
    struct json *client = json_item_edit(call->list, call->at), *secrets = json_new_array();
    for (size_t i = 0; i < rows->rows; i++) {
        struct client_secret secret;
        struct json *shown = json_new_object();
        client_read_secret(rows, i, &secret);
        admin_call_put_time(shown, "created", secret.created);
        admin_call_put_time(shown, "expires", secret.expires);
        json_append(secrets, shown);
    }
    json_put(client, "secrets", secrets);
    call->read = resource_numbers(call->services->store, json_value_text(json_member(client, "id")),
                                  RESOURCE_GROUP, 0, GROUPS_COUNTED_MAX, on_groups, call);
}

static void answer(struct admin_call *call)
{
    struct json *list = call->list;
    call->list = NULL;
    if (call->shown == NULL) {
        admin_call_answer_list(call, "clients", list, (struct span){0});
        return;
    }
    json_free(call->shown);
    call->shown = NULL;
    struct json *client = json_clone(json_item(list, 0));
    json_free(list);
    admin_client_changes_put_base(call, client);
    admin_call_answer(call, 200, client);
}

static void next_client(struct admin_call *call)
{
    struct json *client = json_item_edit(call->list, call->at);
    int64_t living = 0, deleted = 0;
    if (client == NULL) {
        answer(call);
        return;
    }
    struct span id = json_value_text(json_member(client, "id"));
    if (resource_count(call->services->store, id, loop_wall(call->services->loop), &living,
                       &deleted) == STORE_ASK) {
        admin_call_unreadable(call);
        return;
    }
    json_put_integer(client, "users", living);
    call->read = client_list_secrets(call->services->store, id, on_secrets, call);
}

static void on_clients(const struct store_rows *rows, void *context)
{
    struct admin_call *call = context;
    if (admin_call_read_failed(call, rows)) {
        return;
    }
    call->list = json_new_array();
    for (size_t i = 0; i < rows->rows; i++) {
        struct client client = {0};
        client_read(rows, i, &call->arena, &client);
        json_append(call->list, admin_clients_json(&client));
    }
    next_client(call);
}

void admin_clients_list(struct admin_call *call)
{
    call->read = client_list(call->services->store, on_clients, call);
}

void admin_clients_show(struct admin_call *call)
{
    struct client client = {0};
    if (!admin_client_changes_find(call, &client)) {
        return;
    }
    call->shown = json_new_object(); /* one is asked for */
    call->list = json_new_array();
    json_append(call->list, admin_clients_json(&client));
    next_client(call);
}
