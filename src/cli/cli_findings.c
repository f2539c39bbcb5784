/* cli_findings.c - findings as people read them, one after another. */
#include "cli/cli_findings.h"

#include "base/arena.h"
#include "base/memory.h"

#include <stdio.h>
#include <unistd.h>

static const char *colour_of(enum finding_level level)
{
    if (isatty(STDOUT_FILENO) != 1) {
        return "";
    }
    switch (level) {
    case FINDING_GOOD:
        return "\x1b[32m";
    case FINDING_SKIPPED:
        return "\x1b[2m";
    case FINDING_WARNING:
        return "\x1b[33m";
    case FINDING_BAD:
        break;
    }
    return "\x1b[31m";
}

void cli_findings_show(const struct finding_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct finding *finding = &list->items[i];
        const char *colour = colour_of(finding->level);
        printf("  %s%-8s%s %s: %s\n", colour, finding_level_name(finding->level),
               *colour == '\0' ? "" : "\x1b[0m", finding->code, finding->text);
        if (finding->remedy != NULL) {
            printf("           -> %s\n", finding->remedy);
        }
    }
}

/* Codes are literals elsewhere and live as long as the program; so do those that came over the socket. */
static const char *keep_code(struct span code)
{
    static struct arena codes;
    return span_text(&codes, code);
}

static void read_one(struct finding_list *list, const struct json *item, struct arena *arena)
{
    struct span level, code, text, remedy = {0};
    if (!json_text(item, "level", &level) || !json_text(item, "code", &code) ||
        !json_text(item, "text", &text)) {
        return;
    }
    (void)json_text(item, "remedy", &remedy);
    const char *name = keep_code(code), *advice = span_text(arena, remedy);
    if (span_is(level, finding_level_name(FINDING_GOOD))) {
        finding_good(list, name, "%.*s", (int)text.length, text.at);
    } else if (span_is(level, finding_level_name(FINDING_SKIPPED))) {
        finding_skipped(list, name, "%.*s", (int)text.length, text.at);
    } else if (span_is(level, finding_level_name(FINDING_WARNING))) {
        finding_warning(list, name, advice, "%.*s", (int)text.length, text.at);
    } else {
        finding_bad(list, name, advice, "%.*s", (int)text.length, text.at);
    }
}

struct finding_list cli_findings_read(const struct json *answer)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct finding_list list = finding_list_empty();
    const struct json *items = json_member(answer, "findings");
    for (size_t i = 0; i < json_size(items); i++) {
        read_one(&list, json_item(items, i), &arena);
    }
    return list;
}
