/* stack_check.c - the mail servers' configuration, judged by their own tools. */
#include "config/stack_check.h"

#include "base/arena.h"
#include "base/memory.h"
#include "config/stack_tool.h"

/* ---- Dovecot's service auth ---- */

/* Octal digits, as doveconf writes modes: 0600, 00. */
static bool is_zero(struct span number)
{
    for (size_t i = 0; i < number.length; i++) {
        if (number.at[i] != '0') {
            return false;
        }
    }
    return number.length > 0;
}

/* "  unix_listener login/login {" begins a block, whose "    mode = 0666" or "    port = 993" decides. */
enum stack_check_dovecot stack_check_listeners(struct span doveconf, struct error *error)
{
    struct span line, listener = {0};
    size_t listeners = 0;
    while (span_cut(&doveconf, '\n', &line)) {
        line = span_trim(line);
        bool network = span_starts(listener, "inet_listener");
        bool begins = span_starts(line, "unix_listener ") || span_starts(line, "fifo_listener ") ||
                      span_starts(line, "inet_listener ");
        struct span value = span_trim(span_from(line, span_find(line, '=') + 1));
        if (begins) {
            listener = span_trim(span_first(line, span_find(line, '{')));
            listeners++;
        } else if (span_is(line, "}")) {
            listener = span_of(NULL);
        } else if (!span_empty(listener) && span_starts(line, network ? "port =" : "mode =") &&
                   !is_zero(value)) {
            error_set(error,
                      "Dovecot's own auth service is not switched off: it has \"%.*s\" with %s; "
                      "write `service auth { %.*s { %s = 0 } }`",
                      (int)listener.length, listener.at, network ? "a port" : "a mode other than 0",
                      (int)listener.length, listener.at, network ? "port" : "mode");
            return STACK_CHECK_ON;
        }
    }
    if (listeners == 0) {
        error_set(error, "doveconf lists no listener of service auth");
        return STACK_CHECK_FAILED;
    }
    return STACK_CHECK_OFF;
}

enum stack_check_dovecot stack_check_dovecot(const char *config, struct error *error)
{
    const char *const words[] = {"doveconf", "-c", config, "service/auth", NULL};
    struct stack_tool tool;
    enum stack_check_dovecot answer = STACK_CHECK_FAILED;
    if (!stack_tool_run(&tool, words, error)) {
        return STACK_CHECK_FAILED;
    }
    if (tool.status == STACK_TOOL_ABSENT) {
        answer = STACK_CHECK_ABSENT;
    } else if (tool.status != 0 || buffer_full(&tool.said)) {
        stack_tool_complain(&tool, error);
    } else {
        answer = stack_check_listeners(buffer_span(&tool.said), error);
    }
    stack_tool_done(&tool);
    return answer;
}

/* ---- what was rendered ---- */

static bool judge(const char *const *words, bool silent, struct error *error)
{
    struct stack_tool tool;
    if (!stack_tool_run(&tool, words, error)) {
        return false;
    }
    bool good = tool.status == 0 && (!silent || tool.complained.length == 0);
    if (tool.status == STACK_TOOL_ABSENT) {
        error_set(error, "%s is not installed", words[0]);
    } else if (!good) {
        stack_tool_complain(&tool, error);
    }
    stack_tool_done(&tool);
    return good;
}

bool stack_check(const char *root, struct error *error)
{
    CLEANUP(arena_done) struct arena arena = {0};
    const char *postfix = arena_format(&arena, "%s/postfix", root);
    const char *dovecot = arena_format(&arena, "%s/dovecot.conf", root);
    const char *const main_cf[] = {"postconf", "-c", postfix, "-n", NULL};
    const char *const master_cf[] = {"postconf", "-c", postfix, "-M", NULL};
    const char *const owners[] = {"postfix", "-c", postfix, "check", NULL};
    const char *const all[] = {"doveconf", "-c", dovecot, "-n", NULL};
    if (!judge(main_cf, true, error) || !judge(master_cf, true, error) ||
        !judge(owners, false, error)) {
        return error_prefix(error, "%s: ", postfix);
    }
    if (!judge(all, true, error)) {
        return error_prefix(error, "%s: ", dovecot);
    }
    enum stack_check_dovecot answer = stack_check_dovecot(dovecot, error);
    if (answer == STACK_CHECK_ABSENT) {
        return error_set(error, "doveconf is not installed");
    }
    return answer == STACK_CHECK_OFF || error_prefix(error, "%s: ", dovecot);
}
