/* doctor_postconf.c - Postfix's configuration as postconf prints it. */
#include "cli/doctor_postconf.h"

#include "base/memory.h"

#include <string.h>

/* "name = value" at the front of a line. */
static bool is_line_of(struct span line, struct span name, struct span *value)
{
    struct span rest = span_from(line, name.length);
    if (!span_equal(span_first(line, name.length), name) || !span_starts(span_trim(rest), "=")) {
        return false;
    }
    *value = span_trim(span_from(rest, span_find(rest, '=') + 1));
    return true;
}

static bool find(struct span text, struct span name, struct span *value)
{
    struct span line;
    while (!span_empty(text) && span_cut(&text, '\n', &line)) {
        if (is_line_of(line, name, value)) {
            return true;
        }
    }
    return false;
}

struct span doctor_postconf_value(const struct doctor_postconf *postconf,
                                  const struct doctor_postconf_service *service, const char *name)
{
    CLEANUP(buffer_done) struct buffer full = buffer_limited(4096);
    struct span value = {0};
    if (service != NULL) {
        buffer_add(&full, service->name);
        buffer_add_byte(&full, '/');
        buffer_add(&full, service->type);
        buffer_add_byte(&full, '/');
        buffer_add_text(&full, name);
        if (find(buffer_span(&postconf->overrides.said), buffer_span(&full), &value)) {
            return value;
        }
    }
    (void)find(buffer_span(&postconf->main.said), span_of(name), &value);
    return value;
}

bool doctor_postconf_yes(const struct doctor_postconf *postconf,
                         const struct doctor_postconf_service *service, const char *name)
{
    return span_is_fold(doctor_postconf_value(postconf, service, name), "yes");
}

static bool separates(int byte)
{
    return byte == ' ' || byte == '\t' || byte == ',' || byte == '\n';
}

bool doctor_postconf_word(struct span *rest, struct span *word)
{
    size_t start = 0, depth = 0;
    while (separates(span_at(*rest, start))) {
        start++;
    }
    size_t end = start;
    while (end < rest->length && (depth > 0 || !separates(span_at(*rest, end)))) {
        depth += span_at(*rest, end) == '{';
        depth -= depth > 0 && span_at(*rest, end) == '}';
        end++;
    }
    *word = span_first(span_from(*rest, start), end - start);
    *rest = span_from(*rest, end);
    return !span_empty(*word);
}

bool doctor_postconf_has(struct span list, const char *wanted)
{
    struct span word;
    while (doctor_postconf_word(&list, &word)) {
        if (span_is_fold(word, wanted)) {
            return true;
        }
    }
    return false;
}

const char *doctor_postconf_name(const struct doctor_postconf_service *service, struct arena *arena)
{
    return arena_format(arena, "%.*s/%.*s", (int)service->name.length, service->name.at,
                        (int)service->type.length, service->type.at);
}

bool doctor_postconf_verbose(const struct doctor_postconf_service *service)
{
    struct span rest = service->words, word;
    while (doctor_postconf_word(&rest, &word)) {
        if (span_is(word, "-o")) {
            (void)doctor_postconf_word(&rest, &word);
        } else if (span_starts(word, "-v")) {
            return true;
        }
    }
    return false;
}

struct span doctor_postconf_complaint(const struct doctor_postconf *postconf)
{
    const struct span said[] = {buffer_span(&postconf->main.complained),
                                buffer_span(&postconf->master.complained),
                                buffer_span(&postconf->overrides.complained)};
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        struct span line, text = said[i];
        if (!span_empty(text) && span_cut(&text, '\n', &line)) {
            return line;
        }
    }
    return (struct span){0};
}

/* "-" is the default: inside the chroot before compatibility level 1, outside since. */
static bool is_chrooted(const struct doctor_postconf *postconf, struct span field)
{
    struct span level = doctor_postconf_value(postconf, NULL, "compatibility_level");
    bool old = span_empty(level) || span_is(level, "0");
    return span_is(field, "y") || (span_is(field, "-") && old);
}

/* name type private unprivileged chroot wakeup processes command arguments */
static void read_service(struct doctor_postconf *postconf, struct span line)
{
    struct span fields[8] = {{0}};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (!doctor_postconf_word(&line, &fields[i])) {
            return;
        }
    }
    if (postconf->services_count < DOCTOR_POSTCONF_SERVICES_MAX) {
        postconf->services[postconf->services_count++] = (struct doctor_postconf_service){
            fields[0], fields[1], fields[7], line, is_chrooted(postconf, fields[4])};
    }
}

static enum doctor_postconf_answer run(struct stack_tool *tool, const char *directory,
                                       const char *option, struct error *error)
{
    const char *const words[] = {"postconf", "-c", directory, option, NULL};
    if (!stack_tool_run(tool, words, error)) {
        return DOCTOR_POSTCONF_FAILED;
    }
    tool->words = NULL;
    if (tool->status == STACK_TOOL_ABSENT) {
        return DOCTOR_POSTCONF_ABSENT;
    }
    if (tool->status == 0 && !buffer_full(&tool->said)) {
        return DOCTOR_POSTCONF_READ;
    }
    tool->words = words;
    stack_tool_complain(tool, error);
    tool->words = NULL;
    return DOCTOR_POSTCONF_FAILED;
}

enum doctor_postconf_answer doctor_postconf_read(const char *directory,
                                                 struct doctor_postconf *postconf,
                                                 struct error *error)
{
    enum doctor_postconf_answer answer = run(&postconf->main, directory, "-x", error);
    if (answer == DOCTOR_POSTCONF_READ) {
        answer = run(&postconf->master, directory, "-M", error);
    }
    if (answer == DOCTOR_POSTCONF_READ) {
        answer = run(&postconf->overrides, directory, "-Px", error);
    }
    struct span line, text = buffer_span(&postconf->master.said);
    while (answer == DOCTOR_POSTCONF_READ && !span_empty(text) && span_cut(&text, '\n', &line)) {
        read_service(postconf, line);
    }
    return answer;
}

void doctor_postconf_done(struct doctor_postconf *postconf)
{
    stack_tool_done(&postconf->main);
    stack_tool_done(&postconf->master);
    stack_tool_done(&postconf->overrides);
}
