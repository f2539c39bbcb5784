/* admin_changes.c - the calls that change something, each one change of auth/change. */
#include "admin/admin_changes.h"

#include "admin/admin_views.h"
#include "base/memory.h"

static const struct {
    enum change_answer answer;
    int status;
    const char *code;
} ENDINGS[] = {
    {CHANGE_FAILED, 503, "failed"},       {CHANGE_INVALID, 400, "invalid"},
    {CHANGE_NOT_FOUND, 404, "not_found"}, {CHANGE_EXISTS, 409, "exists"},
    {CHANGE_REFUSED, 422, "refused"},     {CHANGE_DONE, 200, "done"},
    {CHANGE_SAME, 200, "same"},           {CHANGE_STALE, 409, "failed"},
};

static void on_changed(const struct change_result *result, void *context)
{
    struct admin_call *call = context;
    call->run = NULL;
    size_t i = 0;
    while (ENDINGS[i].answer != result->answer) {
        i++;
    }
    if (ENDINGS[i].status != 200) {
        admin_call_refuse(call, ENDINGS[i].status, ENDINGS[i].code, result->problem);
        return;
    }
    struct json *answer = call->answer != NULL ? call->answer : json_new_object();
    call->answer = NULL;
    json_put_text(answer, "code", span_of(ENDINGS[i].code));
    if (result->account != NULL) {
        json_put(answer, "account", admin_views_account(call, result->account));
    }
    if (!span_empty(result->note)) {
        json_put_text(answer, "note", result->note);
    }
    if (call->complete != NULL) {
        call->complete(call, answer);
    }
    admin_call_answer(call, 200, answer);
}

void admin_changes_start(struct admin_call *call)
{
    call->change.actor = call->actor;
    call->run = change_start(call->services->changes, &call->change, on_changed, call);
}

static void on_hashed(struct span hash, void *context)
{
    struct admin_call *call = context;
    call->hash = NULL;
    if (span_empty(hash)) {
        admin_call_refuse(call, 503, "failed", "too many passwords are being hashed: try again");
        return;
    }
    call->change.password_hash = span_copy(&call->arena, hash);
    admin_changes_start(call);
}

static void hash_then_start(struct admin_call *call, struct span text)
{
    if (text.length > PASSWORD_MAX || span_has(text, '\0')) {
        admin_call_refuse(call, 400, "invalid", "a password has at most 1024 bytes and no NUL");
        return;
    }
    CLEANUP(secret_done) struct secret password = secret_new(text);
    call->hash = password_hash_start(call->services->passwords, &password, on_hashed, call);
    if (call->hash == NULL) {
        on_hashed((struct span){0}, call);
    }
}

/* Fills what the body gives of an account. false: the call has been refused. */
static bool read_account(struct admin_call *call, struct span *password)
{
    struct change *change = &call->change;
    struct span quota, hash;
    change->set_name = admin_call_text(call, "name", &change->name);
    change->set_home = admin_call_text(call, "home", &change->home);
    change->set_quota = admin_call_text(call, "quota", &quota);
    change->set_password = admin_call_text(call, "password_hash", &hash);
    bool has_password = admin_call_text(call, "password", password);
    if (!admin_call_texts_good(call)) {
        return false;
    }
    if (change->set_quota && !account_quota_parse(quota, &change->quota_bytes)) {
        admin_call_refuse(call, 400, "invalid",
                          "quota: write a size such as 5G or 500M, \"none\" or \"default\"");
        return false;
    }
    if (has_password && change->set_password) {
        admin_call_refuse(call, 400, "invalid", "give a password or a password hash, not both");
        return false;
    }
    change->password_hash = hash;
    change->set_password = change->set_password || has_password;
    return true;
}

static void account_change(struct admin_call *call)
{
    struct span password = {0};
    if (!read_account(call, &password)) {
        return;
    }
    if (span_empty(password)) {
        admin_changes_start(call);
    } else {
        hash_then_start(call, password);
    }
}

void admin_changes_account_add(struct admin_call *call)
{
    call->change.kind = CHANGE_ACCOUNT_ADD;
    admin_call_text(call, "address", &call->change.address);
    if (admin_call_texts_good(call)) {
        account_change(call);
    }
}

void admin_changes_account_set(struct admin_call *call)
{
    call->change.kind = CHANGE_ACCOUNT_SET;
    call->change.address = call->name;
    account_change(call);
}

static void account_transition(struct admin_call *call, enum change_kind kind)
{
    call->change.kind = kind;
    call->change.address = call->name;
    admin_changes_start(call);
}

void admin_changes_account_disable(struct admin_call *call)
{
    account_transition(call, CHANGE_ACCOUNT_DISABLE);
}

void admin_changes_account_enable(struct admin_call *call)
{
    account_transition(call, CHANGE_ACCOUNT_ENABLE);
}

void admin_changes_account_unbind(struct admin_call *call)
{
    account_transition(call, CHANGE_ACCOUNT_UNBIND);
}

void admin_changes_account_delete(struct admin_call *call)
{
    account_transition(call, CHANGE_ACCOUNT_DELETE);
}

void admin_changes_account_rename(struct admin_call *call)
{
    admin_call_text(call, "to", &call->change.target);
    if (admin_call_texts_good(call)) {
        account_transition(call, CHANGE_ACCOUNT_RENAME);
    }
}

void admin_changes_domain_add(struct admin_call *call)
{
    call->change.kind = CHANGE_DOMAIN_ADD;
    admin_call_text(call, "name", &call->change.domain);
    admin_call_text(call, "postmaster", &call->change.target);
    if (admin_call_texts_good(call)) {
        admin_changes_start(call);
    }
}

void admin_changes_domain_delete(struct admin_call *call)
{
    call->change.kind = CHANGE_DOMAIN_DELETE;
    call->change.domain = call->name;
    admin_changes_start(call);
}

void admin_changes_alias_add(struct admin_call *call)
{
    call->change.kind = CHANGE_ALIAS_ADD;
    admin_call_text(call, "address", &call->change.address);
    admin_call_text(call, "target", &call->change.target);
    if (admin_call_texts_good(call)) {
        admin_changes_start(call);
    }
}

void admin_changes_alias_delete(struct admin_call *call)
{
    call->change.kind = CHANGE_ALIAS_DELETE;
    call->change.address = call->name;
    admin_changes_start(call);
}
