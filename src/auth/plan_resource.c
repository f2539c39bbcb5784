/* plan_resource.c - what users and groups share when they are provisioned: the client's row of each. */
#include "auth/plan_resource.h"

bool plan_resource_need(struct planning *planning, struct span id, enum resource_type type,
                        int64_t version, struct resource *resource)
{
    enum store_now now = resource_by_id(planning->view->store, id, planning->arena, resource);
    if (now == STORE_ASK) {
        return planning_unavailable(planning);
    }
    /* Another client's is as if it were not there. */
    if (now == STORE_NONE || resource->gone != 0 || resource->type != type ||
        !span_is(span_of(resource->client_id), planning->change->client->id)) {
        return planning_refuse(planning, CHANGE_NOT_FOUND, "there is no such resource");
    }
    if (version != 0 && resource->version != version) {
        return planning_refuse(planning, CHANGE_STALE, "another change came first");
    }
    return true;
}

bool plan_resource_need_account(struct planning *planning, struct span id, struct account *account)
{
    switch (account_rows_by_id(planning->view->store, id, planning->arena, account)) {
    case STORE_ASK:
        return planning_unavailable(planning);
    case STORE_NONE:
        break;
    case STORE_ROW:
        if (account->state != ACCOUNT_GONE) {
            return true;
        }
    }
    return planning_refuse(planning, CHANGE_NOT_FOUND, "there is no such account");
}

bool plan_resource_need_name(struct planning *planning, const struct provision_resource *wanted,
                             enum resource_type type, const char *attribute)
{
    struct resource other;
    planning->plan->attribute = attribute;
    switch (resource_by_name(planning->view->store, span_of(planning->change->client->id), type,
                             wanted->name_key, planning->arena, &other)) {
    case STORE_ASK:
        return planning_unavailable(planning);
    case STORE_NONE:
        return true;
    case STORE_ROW:
        break;
    }
    return span_is(wanted->id, other.id) ||
           planning_refuse(planning, CHANGE_EXISTS, "%s: there is one of this name already",
                           attribute);
}

bool plan_resource_need_rename(struct planning *planning, const struct provision_resource *wanted,
                               const struct resource *now, const char *attribute)
{
    return span_equal(wanted->name_key, now->name_key) ||
           plan_resource_need_name(planning, wanted, now->type, attribute);
}

bool plan_resource_same(const struct provision_resource *wanted, const struct resource *now)
{
    return span_equal(wanted->document, now->document) &&
           span_equal(wanted->external_id, now->external_id) && span_equal(wanted->name, now->name);
}

static struct resource row_of(const struct planning *planning,
                              const struct provision_resource *wanted, enum resource_type type,
                              struct span id, struct span given)
{
    struct resource row = {
        .type = type,
        .version = 1,
        .external_id = wanted->external_id,
        .name = wanted->name,
        .name_key = wanted->name_key,
        .display_key = wanted->display_key,
        .addresses = given,
        .document = wanted->document,
        .created = planning->view->now,
        .changed = planning->view->now,
    };
    (void)span_fits(id, row.id, sizeof row.id);
    (void)span_fits(span_of(planning->change->client->id), row.client_id, sizeof row.client_id);
    return row;
}

static void add_emails(struct planning *planning, const struct provision_resource *wanted,
                       const struct resource *row)
{
    for (size_t i = 0; i < wanted->email_keys.count; i++) {
        resource_add_email(planning->plan->steps, span_of(row->client_id), span_of(row->id),
                           wanted->email_keys.items[i]);
    }
}

void plan_resource_add(struct planning *planning, const struct provision_resource *wanted,
                       enum resource_type type, struct span id, struct span given)
{
    struct resource row = row_of(planning, wanted, type, id, given);
    resource_add(planning->plan->steps, &row);
    add_emails(planning, wanted, &row);
    planning->plan->resource_id = span_copy(planning->arena, id);
}

void plan_resource_update(struct planning *planning, const struct provision_resource *wanted,
                          const struct resource *now, struct span given)
{
    struct resource row = row_of(planning, wanted, now->type, span_of(now->id), given);
    resource_update(planning->plan->steps, &row, now->version);
    if (!span_equal(wanted->document, now->document)) {
        resource_delete_emails(planning->plan->steps, span_of(now->id));
        add_emails(planning, wanted, &row);
    }
    planning->plan->resource_id = span_copy(planning->arena, span_of(now->id));
}
