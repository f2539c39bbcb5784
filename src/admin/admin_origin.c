/* admin_origin.c - where an account or a group came from, and what its client last sent. */
#include "admin/admin_origin.h"

/* The living resource of this id and its client. */
static enum store_now find(struct admin_call *call, struct span id, struct resource *resource,
                           struct client *client)
{
    struct store *store = call->services->store;
    *resource = (struct resource){0};
    *client = (struct client){0};
    enum store_now now = resource_by_id(store, id, &call->arena, resource);
    if (now == STORE_ROW && resource->gone != 0) {
        now = STORE_NONE;
    }
    if (now == STORE_ROW &&
        client_by_id(store, span_of(resource->client_id), &call->arena, client) == STORE_ASK) {
        now = STORE_ASK;
    }
    return now;
}

static const char *origin_text(struct admin_call *call, const struct client *client)
{
    return arena_format(&call->arena, "scim:%.*s", (int)client->name.length,
                        client->name.at == NULL ? "" : client->name.at);
}

bool admin_origin_put(struct admin_call *call, struct span id, struct json *object)
{
    struct resource resource;
    struct client client;
    enum store_now now = find(call, id, &resource, &client);
    if (now != STORE_ROW) {
        json_put_text(object, "origin", SPAN_LITERAL("hand"));
        return now == STORE_NONE;
    }
    json_put_text(object, "origin", span_of(origin_text(call, &client)));
    admin_call_put_time(object, "provisioned", resource.created);
    admin_call_put_text(object, "external_id", resource.external_id);
    admin_call_put_text(object, "sent_name", resource.name);
    return true;
}

/* A password is no part of a document; whatever may have come by that name is not shown. */
static void hide_password(struct json *document)
{
    static const char *const NAMES[] = {"password", "Password"};
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        json_wipe(document, NAMES[i]);
        json_remove(document, NAMES[i]);
    }
}

void admin_origin_answer(struct admin_call *call, struct span id)
{
    struct resource resource;
    struct client client;
    struct error error;
    enum store_now now = find(call, id, &resource, &client);
    if (now == STORE_ASK) {
        admin_call_unreadable(call);
        return;
    }
    if (now == STORE_NONE) {
        admin_call_refuse(call, 404, "not_found", "it was made by hand: no client sent anything");
        return;
    }
    struct json *document = json_parse(resource.document, RESOURCE_DOCUMENT_MAX, &error);
    if (document == NULL) {
        admin_call_refuse(call, 500, "failed",
                          arena_format(&call->arena, "its document is damaged: %s", error.text));
        return;
    }
    hide_password(document);
    struct json *answer = json_new_object();
    json_put_text(answer, "origin", span_of(origin_text(call, &client)));
    admin_call_put_time(answer, "sent", resource.changed);
    json_put_integer(answer, "version", resource.version);
    json_put(answer, "document", document);
    admin_call_answer(call, 200, answer);
}
