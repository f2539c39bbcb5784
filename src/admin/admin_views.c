/* admin_views.c - the calls that only look, and how an account is shown. */
#include "admin/admin_views.h"

#include "account/group_rows.h"
#include "admin/admin_origin.h"
#include "base/memory.h"

enum { ACCOUNTS_PAGE = 100 /* each asks where it came from */ };

/* What became of an account by provisioning, or by default. */
static void put_rules(struct json *shown, const struct account *account)
{
    CLEANUP(buffer_done) struct buffer services = buffer_limited(256);
    account_services_write(account->services, &services);
    json_put_text(shown, "kind", span_of(account_kind_name(account->kind)));
    json_put_boolean(shown, "mailbox", !account->no_mailbox);
    admin_call_put_words(shown, "services", buffer_span(&services)); /* none: all */
    json_put_text(shown, "on_disable", span_of(account_on_disable_name(account->on_disable)));
    admin_call_put_words(shown, "forward_to", account->forward_to);
    json_put_boolean(shown, "keep_copy", account->keep_copy);
    if (account->retention_days >= 0) {
        json_put_integer(shown, "retention_days", account->retention_days);
    } else {
        json_put_null(shown, "retention_days");
    }
}

struct json *admin_views_account(struct admin_call *call, const struct account *account)
{
    struct directory_mailbox mailbox;
    directory_mailbox(call->services->directory, account, &call->arena, &mailbox);
    struct json *shown = json_new_object();
    json_put_text(shown, "address", address_span(&account->primary));
    json_put_text(shown, "state", span_of(account_state_name(account->state)));
    json_put_text(shown, "id", span_of(account->id));
    admin_call_put_text(shown, "name", account->name);
    json_put_text(shown, "home", mailbox.home);
    json_put_integer(shown, "quota_bytes", mailbox.quota_bytes);
    json_put_boolean(shown, "quota_is_default", account->quota_bytes < 0);
    json_put_boolean(shown, "password", !span_empty(account->password));
    put_rules(shown, account);
    admin_call_put_text(shown, "provider", account->provider);
    admin_call_put_text(shown, "subject", account->subject);
    admin_call_put_time(shown, "created", account->created);
    admin_call_put_time(shown, "changed", account->changed);
    admin_call_put_time(shown, "last_login", account->last_login);
    return shown;
}

static void on_domains(const struct store_rows *rows, void *context)
{
    struct admin_call *call = context;
    if (admin_call_read_failed(call, rows)) {
        return;
    }
    struct json *list = json_new_array();
    for (size_t i = 0; i < rows->rows; i++) {
        int64_t created;
        struct json *domain = json_new_object();
        json_put_text(domain, "name", account_rows_read_domain(rows, i, &created));
        admin_call_put_time(domain, "created", created);
        json_append(list, domain);
    }
    admin_call_answer_list(call, "domains", list, (struct span){0});
}

void admin_views_domains(struct admin_call *call)
{
    call->read = account_rows_list_domains(call->services->store, on_domains, call);
}

static void on_accounts(const struct store_rows *rows, void *context)
{
    struct admin_call *call = context;
    if (admin_call_read_failed(call, rows)) {
        return;
    }
    struct json *list = json_new_array();
    struct account account = {0};
    for (size_t i = 0; i < rows->rows; i++) {
        account_rows_read_account(rows, i, &call->arena, &account);
        struct json *shown = admin_views_account(call, &account);
        json_append(list, shown);
        if (!admin_origin_put(call, span_of(account.id), shown)) {
            json_free(list);
            admin_call_unreadable(call);
            return;
        }
    }
    bool more = rows->rows == ACCOUNTS_PAGE;
    admin_call_answer_list(call, "accounts", list,
                           more ? address_span(&account.primary) : (struct span){0});
}

void admin_views_accounts(struct admin_call *call)
{
    call->read = account_rows_list_accounts(
        call->services->store, admin_call_parameter(call, "domain"),
        admin_call_parameter(call, "after"), ACCOUNTS_PAGE, on_accounts, call);
}

/* What an account is in: the last thing that is told of one. */

static void on_groups(const struct store_rows *rows, void *context)
{
    struct admin_call *call = context;
    if (admin_call_read_failed(call, rows)) {
        return;
    }
    struct json *list = json_new_array();
    for (size_t i = 0; i < rows->rows; i++) {
        struct group_rows_group group;
        struct json *shown = json_new_object();
        group_rows_read_group(rows, i, &group);
        json_put_text(shown, "id", span_of(group.id));
        json_put_text(shown, "name", group.name);
        json_put_text(shown, "kind", span_of(group_rows_kind_name(group.kind)));
        admin_call_put_text(shown, "address", address_span(&group.primary));
        json_append(list, shown);
    }
    struct json *account = call->shown;
    call->shown = NULL;
    json_put(account, "groups", list);
    admin_call_answer(call, 200, account);
}

static void list_groups(struct admin_call *call)
{
    call->read = group_rows_list_of_member(call->services->store,
                                           json_value_text(json_member(call->shown, "id")),
                                           GROUP_ROWS_MEMBER, ADMIN_CALL_PAGE, on_groups, call);
}

static struct json *address_json(const struct account_rows_address *address)
{
    struct json *shown = json_new_object();
    json_put_text(shown, "address", address_span(&address->address));
    json_put_text(shown, "kind", span_of(account_address_kind_name(address->kind)));
    json_put_text(shown, "account", address_span(&address->primary));
    admin_call_put_time(shown, "created", address->created);
    return shown;
}

static void on_addresses(const struct store_rows *rows, void *context)
{
    struct admin_call *call = context;
    if (admin_call_read_failed(call, rows)) {
        return;
    }
    struct json *list = json_new_array();
    struct account_rows_address address = {0};
    for (size_t i = 0; i < rows->rows; i++) {
        account_rows_read_address(rows, i, &address);
        if (call->shown != NULL || address.kind == ADDRESS_ALIAS ||
            address.kind == ADDRESS_RENAMED) {
            json_append(list, address_json(&address));
        }
    }
    if (call->shown != NULL) {
        json_put(call->shown, "addresses", list);
        list_groups(call);
        return;
    }
    bool more = rows->rows == ADMIN_CALL_PAGE;
    admin_call_answer_list(call, "aliases", list,
                           more ? address_span(&address.address) : (struct span){0});
}

/* Who `text` leads to. false: the call has been refused. */
bool admin_views_find(struct admin_call *call, struct span text, struct account_rows_found *found)
{
    struct address name;
    if (!directory_login_name(call->services->directory, text, &name)) {
        admin_call_refuse(call, 400, "invalid", "this is not a mail address");
        return false;
    }
    /* Also what nobody signs in to: a shared mailbox. */
    const struct span candidates[ACCOUNT_ROWS_CANDIDATES] = {address_span(&name)};
    enum store_now now =
        account_rows_by_address(call->services->store, candidates, &call->arena, found);
    if (now == STORE_ASK) {
        admin_call_unreadable(call);
        return false;
    }
    bool used = now == STORE_ROW && found->kind != ADDRESS_HELD;
    bool group = used && found->account.kind == ACCOUNT_GROUP;
    if (used && !group) {
        return true;
    }
    admin_call_refuse(
        call, 404, "not_found",
        group ? arena_format(&call->arena, "it is a group: postern group show %s", name.text)
              : arena_format(&call->arena, "no account has the address %s", name.text));
    return false;
}

static void list_addresses(struct admin_call *call, struct span account_id)
{
    call->read = account_rows_list_addresses(
        call->services->store, account_id, admin_call_parameter(call, "domain"),
        admin_call_parameter(call, "after"), ADMIN_CALL_PAGE, on_addresses, call);
}

void admin_views_show(struct admin_call *call)
{
    struct account_rows_found found;
    if (admin_views_find(call, call->name, &found)) {
        call->shown = admin_views_account(call, &found.account);
        if (admin_origin_put(call, span_of(found.account.id), call->shown)) {
            list_addresses(call, span_of(found.account.id));
        } else {
            admin_call_unreadable(call);
        }
    }
}

void admin_views_source(struct admin_call *call)
{
    struct account_rows_found found;
    if (admin_views_find(call, call->name, &found)) {
        admin_origin_answer(call, span_of(found.account.id));
    }
}

void admin_views_aliases(struct admin_call *call)
{
    struct account_rows_found found = {0};
    struct span account = admin_call_parameter(call, "account");
    if (span_empty(account) || admin_views_find(call, account, &found)) {
        list_addresses(call, span_of(found.account.id));
    }
}
