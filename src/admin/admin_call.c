/* admin_call.c - one call of the admin API: its parameters, its answer, its end. */
#include "admin/admin_call.h"

#include "base/memory.h"

#include <time.h>

void admin_call_free(struct admin_call *call)
{
    change_forget(call->run);
    store_read_cancel(call->read);
    store_write_forget(call->write);
    password_hash_cancel(call->hash);
    token_check_cancel(call->token_check);
    provider_test_cancel(call->provider_test);
    finding_list_done(&call->findings);
    json_wipe(call->body, "token");
    json_free(call->body);
    json_free(call->shown);
    json_free(call->list);
    json_wipe(call->answer, "secret");
    json_free(call->answer);
    arena_done(&call->arena);
    memory_free(call);
}

void admin_call_answer(struct admin_call *call, int status, struct json *taken)
{
    CLEANUP(buffer_wipe) struct buffer text = buffer_limited(ADMIN_CALL_ANSWER_MAX);
    json_write(taken, &text);
    json_wipe(taken, "secret");
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

/* Whether the member is there and of a kind that fits; notes it when it does not fit. */
static bool fits(struct admin_call *call, const char *name, bool fit, const char *kind)
{
    if (!fit && json_member(call->body, name) != NULL) {
        call->misfit = name;
        call->misfit_kind = kind;
    }
    return fit;
}

bool admin_call_text(struct admin_call *call, const char *name, struct span *text)
{
    const struct json *member = json_member(call->body, name);
    *text = json_value_text(member);
    return fits(call, name, json_kind(member) == JSON_KIND_TEXT, "a string");
}

bool admin_call_number(struct admin_call *call, const char *name, int64_t *number)
{
    return fits(call, name, json_number(call->body, name, number), "an integer");
}

bool admin_call_flag(struct admin_call *call, const char *name, bool *flag)
{
    return fits(call, name, json_boolean(call->body, name, flag), "true or false");
}

bool admin_call_texts_good(struct admin_call *call)
{
    if (call->misfit == NULL) {
        return true;
    }
    admin_call_refuse(
        call, 400, "invalid",
        arena_format(&call->arena, "\"%s\" must be %s", call->misfit, call->misfit_kind));
    return false;
}

void admin_call_unreadable(struct admin_call *call)
{
    admin_call_refuse(call, 503, "failed",
                      "the accounts cannot be read now: see the log, then try again");
}

bool admin_call_read_failed(struct admin_call *call, const struct store_rows *rows)
{
    call->read = NULL;
    if (rows->failure == NULL) {
        return false;
    }
    admin_call_unreadable(call);
    return true;
}

void admin_call_answer_list(struct admin_call *call, const char *name, struct json *taken,
                            struct span next)
{
    struct json *answer = json_new_object();
    json_put(answer, name, taken);
    if (!span_empty(next)) {
        json_put_text(answer, "next", next);
    }
    admin_call_answer(call, 200, answer);
}

void admin_call_put_time(struct json *object, const char *name, int64_t seconds)
{
    char text[32];
    time_t wall = (time_t)seconds;
    struct tm parts;
    if (seconds <= 0 || gmtime_r(&wall, &parts) == NULL) {
        json_put_null(object, name);
        return;
    }
    size_t length = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    json_put_text(object, name, span_bytes(text, length));
}

void admin_call_put_text(struct json *object, const char *name, struct span text)
{
    if (span_empty(text)) {
        json_put_null(object, name);
    } else {
        json_put_text(object, name, text);
    }
}

void admin_call_put_words(struct json *object, const char *name, struct span words)
{
    struct json *list = json_new_array();
    struct span word;
    while (span_cut(&words, ' ', &word)) {
        if (!span_empty(word)) {
            json_append_text(list, word);
        }
    }
    json_put(object, name, list);
}
