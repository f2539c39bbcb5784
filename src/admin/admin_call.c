/* admin_call.c - one call of the admin API: its parameters, its answer, its end. */
#include "admin/admin_call.h"

#include "base/memory.h"

void admin_call_free(struct admin_call *call)
{
    change_forget(call->run);
    store_read_cancel(call->read);
    password_hash_cancel(call->hash);
    token_check_cancel(call->token_check);
    provider_test_cancel(call->provider_test);
    finding_list_done(&call->findings);
    json_wipe(call->body, "token");
    json_free(call->body);
    json_free(call->shown);
    arena_done(&call->arena);
    memory_free(call);
}

void admin_call_answer(struct admin_call *call, int status, struct json *taken)
{
    CLEANUP(buffer_done) struct buffer text = buffer_limited(ADMIN_CALL_ANSWER_MAX);
    json_write(taken, &text);
    json_free(taken);
    if (buffer_full(&text)) {
        admin_call_refuse(call, 500, "failed", "the answer is too large: ask for a smaller page");
        return;
    }
    buffer_add_byte(&text, '\n');
    http_server_reply(call->exchange, status, "application/json", buffer_span(&text));
    admin_call_free(call);
}

void admin_call_refuse(struct admin_call *call, int status, const char *code, const char *text)
{
    struct json *answer = json_new_object();
    json_put_text(answer, "code", span_of(code));
    json_put_text(answer, "error", span_of(text));
    admin_call_answer(call, status, answer);
}

struct span admin_call_parameter(struct admin_call *call, const char *name)
{
    struct span rest = call->query, key, value;
    while (http_query_next(&rest, &call->arena, &key, &value) == HTTP_QUERY_PAIR) {
        if (span_is(key, name)) {
            return value;
        }
    }
    return (struct span){0};
}

bool admin_call_text(struct admin_call *call, const char *name, struct span *text)
{
    const struct json *member = json_member(call->body, name);
    bool given = json_kind(member) == JSON_KIND_TEXT;
    *text = json_value_text(member);
    if (member != NULL && !given) {
        call->no_text = name;
    }
    return given;
}

bool admin_call_texts_good(struct admin_call *call)
{
    if (call->no_text == NULL) {
        return true;
    }
    admin_call_refuse(call, 400, "invalid",
                      arena_format(&call->arena, "\"%s\" must be a string", call->no_text));
    return false;
}
