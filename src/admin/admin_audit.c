/* admin_audit.c - the call that reads who changed what. */
#include "admin/admin_audit.h"

#include "base/memory.h"

enum { PAGE_BYTES_MAX = ADMIN_CALL_ANSWER_MAX / 4, DETAIL_MAX = 64 * 1024 };

static struct json *entry_json(int64_t number, const struct audit_entry *entry)
{
    struct error error;
    struct json *shown = json_new_object();
    struct json *detail = json_parse(entry->detail, DETAIL_MAX, &error);
    json_put_integer(shown, "number", number);
    admin_call_put_time(shown, "at", entry->at);
    json_put_text(shown, "actor", entry->actor);
    json_put_text(shown, "action", entry->action);
    json_put_text(shown, "subject", entry->subject);
    admin_call_put_text(shown, "account_id", entry->account_id);
    if (detail != NULL) {
        json_put(shown, "detail", detail);
    } else {
        json_put_null(shown, "detail");
    }
    return shown;
}

/* What no index was asked for. */
static bool wanted(struct span actor, const struct audit_entry *entry)
{
    bool sort = span_ends(actor, ":");
    struct span own = sort ? span_first(entry->actor, actor.length) : entry->actor;
    return span_empty(actor) || span_equal(actor, own);
}

static int64_t number_of(struct span text)
{
    uint64_t number = 0;
    return span_number(text, INT64_MAX, &number) ? (int64_t)number : 0;
}

static void on_rows(const struct store_rows *rows, void *context)
{
    struct admin_call *call = context;
    if (admin_call_read_failed(call, rows)) {
        return;
    }
    struct span actor = admin_call_parameter(call, "actor");
    int64_t since = number_of(admin_call_parameter(call, "since")), number = 0;
    struct json *list = json_new_array();
    size_t bytes = 0, i = 0;
    bool over = false;
    for (; i < rows->rows && !over && bytes < PAGE_BYTES_MAX; i++) {
        struct audit_entry entry;
        number = audit_read(rows, i, &entry);
        over = entry.at < since;
        if (!over && wanted(actor, &entry)) {
            bytes += entry.detail.length;
            json_append(list, entry_json(number, &entry));
        }
    }
    bool more = !over && (i < rows->rows || rows->rows == ADMIN_CALL_PAGE);
    const char *next = more ? arena_format(&call->arena, "%lld", (long long)number) : "";
    admin_call_answer_list(call, "changes", list, span_of(next));
}

/* Whom or what it is about: a living account's id; else the words that a change would have used. false: the call has been
 * refused. */
static bool read_account(struct admin_call *call, struct span *id, struct span *subject)
{
    struct account_rows_found found = {0};
    struct address name;
    struct span text = admin_call_parameter(call, "account");
    *id = *subject = (struct span){0};
    if (span_empty(text) || uuid_valid(text)) {
        *id = text;
        return true;
    }
    *subject = text;
    if (!directory_login_name(call->services->directory, text, &name)) {
        return true; /* a domain, a group, a client */
    }
    const struct span candidates[ACCOUNT_ROWS_CANDIDATES] = {address_span(&name)};
    enum store_now now =
        account_rows_by_address(call->services->store, candidates, &call->arena, &found);
    if (now == STORE_ASK) {
        admin_call_unreadable(call);
        return false;
    }
    /* Held ones as well: what became of whoever had it. */
    if (now == STORE_ROW) {
        *id = span_copy(&call->arena, span_of(found.account.id));
    } else if (span_has(text, '@')) {
        *subject = span_copy(&call->arena, address_span(&name));
    }
    return true;
}

void admin_audit_list(struct admin_call *call)
{
    struct store *store = call->services->store;
    struct span id, subject, actor = admin_call_parameter(call, "actor");
    int64_t before = number_of(admin_call_parameter(call, "after"));
    if (!read_account(call, &id, &subject)) {
        return;
    }
    if (!span_empty(id)) {
        call->read = audit_list_of_account(store, id, before, ADMIN_CALL_PAGE, on_rows, call);
    } else if (span_empty(subject) && !span_empty(actor)) {
        call->read = audit_list_of_actor(store, actor, before, ADMIN_CALL_PAGE, on_rows, call);
    } else {
        call->read = audit_list(store, subject, before, ADMIN_CALL_PAGE, on_rows, call);
    }
}
