/* admin_deleted.c - the calls about deleted accounts whose mail is still kept. */
#include "admin/admin_deleted.h"

#include "account/client.h"
#include "account/resource.h"
#include "base/memory.h"

enum { DAY_S = 24 * 3600 };

static int64_t retention_of(const struct admin_call *call, const struct account *account)
{
    return account->retention_days >= 0 ? account->retention_days * DAY_S
                                        : changes_settings(call->services->changes)->retention_s;
}

static struct span home_of(struct admin_call *call, const struct account *account)
{
    struct directory_mailbox mailbox;
    directory_mailbox(call->services->directory, account, &call->arena, &mailbox);
    return mailbox.home;
}

static struct json *tombstone_json(struct admin_call *call,
                                   const struct account_rows_tombstone *tombstone)
{
    const struct account *account = &tombstone->account;
    int64_t retention = retention_of(call, account);
    struct json *shown = json_new_object();
    json_put_text(shown, "id", span_of(account->id));
    json_put_text(shown, "address", address_span(&account->primary));
    admin_call_put_text(shown, "name", account->name);
    json_put_text(shown, "home", home_of(call, account));
    admin_call_put_time(shown, "deleted", tombstone->since);
    json_put_integer(shown, "retention_seconds", retention);
    admin_call_put_time(shown, "purge_after", tombstone->frozen ? 0 : tombstone->since + retention);
    admin_call_put_text(shown, "client", tombstone->client);
    json_put_boolean(shown, "frozen", tombstone->frozen);
    return shown;
}

static void on_tombstones(const struct store_rows *rows, void *context)
{
    struct admin_call *call = context;
    struct account_rows_tombstone last = {0};
    if (admin_call_read_failed(call, rows)) {
        return;
    }
    struct json *list = json_new_array();
    for (size_t i = 0; i < rows->rows; i++) {
        account_rows_read_tombstone(rows, i, &call->arena, &last);
        json_append(list, tombstone_json(call, &last));
    }
    const char *next =
        rows->rows == ADMIN_CALL_PAGE
            ? arena_format(&call->arena, "%lld:%s", (long long)last.since, last.account.id)
            : "";
    admin_call_answer_list(call, "deleted", list, span_of(next));
}

/* "1763953557:<id>", as the page before gave it. */
static bool read_after(struct span after, int64_t *since, struct span *id)
{
    struct span first;
    uint64_t number = 0;
    *since = 0;
    *id = (struct span){0};
    if (span_empty(after)) {
        return true;
    }
    if (!span_cut(&after, ':', &first) || !span_number(first, INT64_MAX, &number) ||
        !uuid_valid(after)) {
        return false;
    }
    *since = (int64_t)number;
    *id = after;
    return true;
}

void admin_deleted_list(struct admin_call *call)
{
    int64_t since;
    struct span id;
    if (!read_after(admin_call_parameter(call, "after"), &since, &id)) {
        admin_call_refuse(call, 400, "invalid", "after: not what a page gave");
        return;
    }
    call->read = account_rows_list_tombstones(call->services->store, INT64_MAX, since, id,
                                              ADMIN_CALL_PAGE, on_tombstones, call);
}

/* The deleted account that the path names by its id. false: the call has been refused. */
static bool find(struct admin_call *call, struct account *account)
{
    enum store_now now =
        uuid_valid(call->name)
            ? account_rows_by_id(call->services->store, call->name, &call->arena, account)
            : STORE_NONE;
    if (now == STORE_ASK) {
        admin_call_unreadable(call);
        return false;
    }
    if (now == STORE_NONE || account->state != ACCOUNT_GONE) {
        admin_call_refuse(call, 404, "not_found", "no deleted account has this id");
        return false;
    }
    return true;
}

void admin_deleted_show(struct admin_call *call)
{
    struct account account = {0};
    if (!find(call, &account)) {
        return;
    }
    struct json *shown = json_new_object();
    json_put_text(shown, "id", span_of(account.id));
    json_put_text(shown, "address", address_span(&account.primary));
    json_put_text(shown, "home", home_of(call, &account));
    json_put_boolean(shown, "purged", account.no_mailbox);
    admin_call_answer(call, 200, shown);
}

/* Purging: one commit, the account's row and the audit's. */

static void on_marked(const struct store_result *result, void *context)
{
    struct admin_call *call = context;
    call->write = NULL;
    struct span address = json_value_text(json_member(call->shown, "address"));
    switch (result->answer) {
    case STORE_UNKNOWN:
    case STORE_FAILED:
        log_error(call->services->log, "change_failed", log_text("action", "account_purge"),
                  log_span("address", address), log_span("actor", call->actor),
                  log_text("reason", result->failure));
        admin_call_refuse(call, 503, "failed", "the database could not be written (see the log)");
        return;
    case STORE_CONFLICT:
        admin_call_refuse(
            call, 422, "refused",
            "its mail is not its own any more: it was purged already, or re-attached");
        return;
    case STORE_DONE:
        break;
    }
    log_info(call->services->log, "account_changed", log_text("action", "account_purge"),
             log_span("address", address), log_span("id", call->name),
             log_span("actor", call->actor));
    struct json *answer = json_new_object();
    json_put_text(answer, "code", SPAN_LITERAL("done"));
    admin_call_answer(call, 200, answer);
}

static void mark(struct admin_call *call, const struct account *account)
{
    CLEANUP(buffer_done) struct buffer detail = buffer_limited(ACCOUNT_HOME_MAX * 8);
    CLEANUP(json_cleanup) struct json *before = json_new_object();
    struct json *inner = json_new_object();
    json_put_text(inner, "home", home_of(call, account));
    json_put(before, "before", inner);
    json_write(before, &detail);
    call->shown = json_new_object();
    json_put_text(call->shown, "address", address_span(&account->primary));
    const struct audit_entry entry = {
        .at = loop_wall(call->services->loop),
        .actor = call->actor,
        .action = SPAN_LITERAL("account_purge"),
        .subject = address_span(&account->primary),
        .account_id = span_of(account->id),
        .detail = buffer_span(&detail),
    };
    struct store_change *change = store_change_new();
    account_rows_mark_purged(change, span_of(account->id));
    audit_add(change, &entry);
    call->write = store_write_start(call->services->store, change, on_marked, call);
}

/* The brake of whoever deleted it; an empty name: it is off, or nobody's. false: the call has been refused. */
static bool brake_of(struct admin_call *call, struct span id, struct span *name)
{
    struct resource resource = {0};
    struct client client = {0};
    *name = (struct span){0};
    enum store_now now = resource_by_id(call->services->store, id, &call->arena, &resource);
    if (now == STORE_ROW) {
        now =
            client_by_id(call->services->store, span_of(resource.client_id), &call->arena, &client);
        *name = now == STORE_ROW && client.frozen ? client.name : *name;
    }
    if (now == STORE_ASK) {
        admin_call_unreadable(call);
    }
    return now != STORE_ASK;
}

void admin_deleted_purge(struct admin_call *call)
{
    struct account account = {0};
    struct span brake;
    if (!find(call, &account) || !brake_of(call, span_of(account.id), &brake)) {
        return;
    }
    if (!span_empty(brake)) {
        admin_call_refuse(call, 422, "refused",
                          arena_format(&call->arena,
                                       "the brake holds: postern scim-token release %.*s",
                                       (int)brake.length, brake.at));
    } else if (account.changed + retention_of(call, &account) > loop_wall(call->services->loop)) {
        admin_call_refuse(call, 422, "refused", "its retention is not over");
    } else {
        mark(call, &account);
    }
}
