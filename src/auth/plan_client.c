/* plan_client.c - the rules of provisioning clients: made, set, given another secret, ended. */
#include "auth/plan_client.h"

/* What would never do anything is told at once. */
static bool need_sense(struct planning *planning)
{
    const struct client *client = planning->change->client;
    if ((client->rights & (CLIENT_USERS | CLIENT_GROUPS)) == 0) {
        return planning_refuse(planning, CHANGE_INVALID,
                               "rights: without users or groups a token lets nothing be read or "
                               "written");
    }
    return client->adopt != CLIENT_ADOPT_EXTERNAL_ID || !span_empty(client->provider) ||
           planning_refuse(planning, CHANGE_INVALID,
                           "adopt: by externalId needs to know whose subject that is: say which "
                           "provider");
}

static bool need_valid(struct planning *planning)
{
    const struct client *client = planning->change->client;
    struct span rest = client->domains, domain;
    planning->plan->subject = span_copy(planning->arena, client->name);
    if (!client_name_valid(client->name)) {
        return planning_refuse(planning, CHANGE_INVALID,
                               "name: letters, digits, \".\", \"_\" and \"-\", at most %d",
                               CLIENT_NAME_MAX);
    }
    while (!span_empty(rest) && span_cut(&rest, ' ', &domain)) {
        switch (account_rows_domain(planning->view->store, domain)) {
        case STORE_ASK:
            return planning_unavailable(planning);
        case STORE_NONE:
            return planning_refuse(planning, CHANGE_REFUSED,
                                   "add the domain first: postern domain add %.*s",
                                   (int)domain.length, domain.at);
        case STORE_ROW:
            break;
        }
    }
    if (!span_empty(client->default_domain) && !client_may_write(client, client->default_domain)) {
        return planning_refuse(planning, CHANGE_INVALID,
                               "default domain: is none of the token's domains");
    }
    return need_sense(planning);
}

static bool find(struct planning *planning, struct client *client)
{
    struct span name = planning->change->client->name;
    planning->plan->subject = span_copy(planning->arena, name);
    switch (client_by_name(planning->view->store, name, planning->arena, client)) {
    case STORE_ASK:
        return planning_unavailable(planning);
    case STORE_NONE:
        break;
    case STORE_ROW:
        return true;
    }
    return planning_refuse(planning, CHANGE_NOT_FOUND, "there is no SCIM token of this name");
}

static struct json *describe(const struct client *client)
{
    struct json *object = json_new_object();
    json_put_text(object, "domains", client->domains);
    json_put_integer(object, "rights", client->rights);
    json_put_text(object, "provider", client->provider);
    json_put_text(object, "networks", client->networks);
    json_put_integer(object, "adopt", client->adopt);
    return object;
}

static void add_secret(struct planning *planning, const char *id)
{
    struct client_secret secret = planning->change->secret;
    (void)span_fits(span_of(id), secret.client_id, sizeof secret.client_id);
    secret.created = planning->view->now;
    client_add_secret(planning->plan->steps, &secret, planning->view->now);
}

bool plan_client_add(struct planning *planning)
{
    struct client client = *planning->change->client, other;
    if (!need_valid(planning)) {
        return false;
    }
    switch (client_by_name(planning->view->store, client.name, planning->arena, &other)) {
    case STORE_ASK:
        return planning_unavailable(planning);
    case STORE_ROW:
        return planning_refuse(planning, CHANGE_EXISTS, "there is a SCIM token of this name");
    case STORE_NONE:
        break;
    }
    uuid_new(client.id);
    client.created = client.changed = planning->view->now;
    client.version = 1;
    client_add(planning->plan->steps, &client);
    add_secret(planning, client.id);
    planning->after = describe(&client);
    return true;
}

bool plan_client_set(struct planning *planning)
{
    struct client now, after = *planning->change->client;
    if (!find(planning, &now) || !need_valid(planning)) {
        return false;
    }
    (void)span_fits(span_of(now.id), after.id, sizeof after.id);
    after.created = now.created;
    after.last_used = now.last_used;
    after.frozen = now.frozen;
    after.changed = planning->view->now;
    client_update(planning->plan->steps, &after, now.version);
    planning->before = describe(&now);
    planning->after = describe(&after);
    return true;
}

bool plan_client_rotate(struct planning *planning)
{
    struct client now;
    if (!find(planning, &now)) {
        return false;
    }
    struct store_change *steps = planning->plan->steps;
    if (!planning->change->keep_old) {
        client_delete_secrets_but(steps, span_of(now.id), &planning->change->secret.hash);
    }
    add_secret(planning, now.id);
    planning->plan->rules[planning->plan->rules_count++] =
        (struct plan_rule){store_change_steps(steps) - 1, /* its last step counts the others */
                           "two secrets live already: wait until one has expired, or end the old "
                           "ones at once with --now"};
    if (planning->change->keep_old) {
        client_expire_secrets_but(steps, span_of(now.id), &planning->change->secret.hash,
                                  planning->change->old_expires);
    }
    planning->after = json_new_object();
    json_put_boolean(planning->after, "old_kept", planning->change->keep_old);
    return true;
}

bool plan_client_release(struct planning *planning)
{
    struct client now;
    if (!find(planning, &now)) {
        return false;
    }
    if (!now.frozen) {
        return planning_answer(planning, CHANGE_SAME);
    }
    client_set_frozen(planning->plan->steps, span_of(now.id), false);
    return true;
}

bool plan_client_delete(struct planning *planning)
{
    struct client now;
    if (!find(planning, &now)) {
        return false;
    }
    client_delete(planning->plan->steps, span_of(now.id));
    planning->plan->rules[planning->plan->rules_count++] = (struct plan_rule){
        store_change_steps(planning->plan->steps) - 1, /* its last step asks */
        "it still owns users or groups: delete them first, where they come from or "
        "by hand; to shut it out, give it a new secret: postern scim-token rotate "
        "--now"};
    planning->before = describe(&now);
    return true;
}
