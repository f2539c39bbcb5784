/* cli_group.c - `postern group …`: lists, aliases of many, shared mailboxes, and who is in them. */
#include "cli/cli_group.h"

#include "base/memory.h"
#include "base/text.h"
#include "base/uuid.h"
#include "cli/cli_ask.h"
#include "cli/cli_call.h"
#include "cli/cli_change.h"
#include "cli/cli_list.h"
#include "cli/cli_source.h"

#include <stdio.h>
#include <string.h>

#define GROUPS "/v1/groups"

static const struct cli_column LISTED[] = {
    {"NAME", "name"}, {"KIND", "kind"}, {"ADDRESS", "address"}, {"ORIGIN", "origin"}, {"ID", "id"}};
static const struct cli_column SHOWN[] = {{"name", "name"},
                                          {"kind", "kind"},
                                          {"id", "id"},
                                          {"address", "address"},
                                          {"who may send", "who_can_send"},
                                          {"member rights", "member_rights"},
                                          {"origin", "origin"},
                                          {"provisioned", "provisioned"},
                                          {"external id", "external_id"},
                                          {"members", "members", CLI_COLUMN_COUNT}};
static const struct cli_column MEMBERS[] = {{"MEMBER", "name"}, {"KIND", "kind"}, {"ID", "id"}};
static const struct cli_column OWNERS[] = {{"OWNER", "name"}, {"KIND", "kind"}, {"ID", "id"}};
static const struct cli_column ADDRESSES[] = {
    {"ADDRESS", "address"}, {"KIND", "kind"}, {"SINCE", "created"}};

/* A group is named by its address, its id, or its name when no other has it. */

static bool looks_exact(struct span word)
{
    return span_has(word, '@') || uuid_valid(word);
}

/* Goes through the names of one page; `id` gets the group's, `count` grows. */
static void match(const struct json *page, struct span name, char id[UUID_SIZE], size_t *count)
{
    const struct json *groups = json_member(page, "groups");
    for (size_t i = 0; i < json_size(groups); i++) {
        const struct json *group = json_item(groups, i);
        if (span_equal_fold(json_value_text(json_member(group, "name")), name)) {
            (void)span_fits(json_value_text(json_member(group, "id")), id, UUID_SIZE);
            ++*count;
        }
    }
}

static enum cli_exit find_name(const struct cli_options *options, struct span name,
                               char id[UUID_SIZE])
{
    size_t count = 0;
    char after[UUID_SIZE] = "";
    do {
        struct json *page;
        struct span next = {0};
        char *target = cli_call_target(GROUPS "?after=", after, "");
        enum cli_exit result = cli_call(options, "GET", target, NULL, &page);
        memory_free(target);
        if (result != CLI_OK) {
            return result;
        }
        match(page, name, id, &count);
        (void)json_text(page, "next", &next);
        (void)span_fits(next, after, sizeof after);
        json_free(page);
    } while (after[0] != '\0');
    if (count == 1) {
        return CLI_OK;
    }
    fprintf(stderr, count == 0 ? "postern: no group has this name, see 'postern group list'\n"
                               : "postern: several groups have this name: give the address or the "
                                 "id, see 'postern group list'\n");
    return count == 0 ? CLI_NOT_FOUND : CLI_REFUSED;
}

/* "/v1/groups/<id><tail>"; NULL: said why not, `result` is the exit code. */
static char *target_of(const struct cli_options *options, const char *tail, enum cli_exit *result)
{
    char id[UUID_SIZE] = "";
    const char *word = options->words[0];
    *result = CLI_OK;
    if (!looks_exact(span_of(word))) {
        *result = find_name(options, span_of(word), id);
        word = id;
    }
    return *result == CLI_OK ? cli_call_target(GROUPS "/", word, tail) : NULL;
}

/* Looking. */

enum cli_exit cli_group_list(const struct cli_options *options)
{
    struct cli_list list = {.target = GROUPS,
                            .member = "groups",
                            .none = "no groups",
                            .columns = LISTED,
                            .columns_count = sizeof LISTED / sizeof *LISTED};
    return cli_list(options, &list);
}

static void show_part(const struct json *list, const struct cli_column *columns, size_t count)
{
    size_t size = json_size(list);
    const struct json **rows = memory_new(size, sizeof(struct json *));
    for (size_t i = 0; i < size; i++) {
        rows[i] = json_item(list, i);
    }
    if (size > 0) {
        putchar('\n');
        cli_show_table(rows, size, columns, count, "");
    }
    memory_free(rows);
}

static enum cli_exit show_members(const struct cli_options *options, const char *target)
{
    struct cli_list list = {.target = target,
                            .member = "members",
                            .none = "nobody is in it",
                            .columns = MEMBERS,
                            .columns_count = sizeof MEMBERS / sizeof *MEMBERS};
    return cli_list(options, &list);
}

static enum cli_exit show_group(const struct cli_options *options, const char *target)
{
    struct json *answer;
    enum cli_exit result = cli_call(options, "GET", target, NULL, &answer);
    if (result != CLI_OK) {
        return result;
    }
    if (options->json) {
        cli_show_json(answer);
    } else {
        cli_show_object(answer, SHOWN, sizeof SHOWN / sizeof *SHOWN);
        show_part(json_member(answer, "addresses"), ADDRESSES,
                  sizeof ADDRESSES / sizeof *ADDRESSES);
        show_part(json_member(answer, "owners"), OWNERS, sizeof OWNERS / sizeof *OWNERS);
    }
    json_free(answer);
    return CLI_OK;
}

enum cli_exit cli_group_show(const struct cli_options *options)
{
    enum cli_exit result;
    bool members = cli_options_value(options, "members") != NULL;
    bool source = cli_options_value(options, "source") != NULL;
    char *target = target_of(options, members ? "/members" : source ? "/source" : "", &result);
    if (target == NULL) {
        return result;
    }
    result = members  ? show_members(options, target)
             : source ? cli_source_show(options, target)
                      : show_group(options, target);
    memory_free(target);
    return result;
}

/* Changing: what was made by hand. */

static bool put_option(const struct cli_options *options, struct json *body, const char *option,
                       const char *member)
{
    const char *value = cli_options_value(options, option);
    if (value != NULL && !text_utf8(span_of(value))) {
        fprintf(stderr, "postern: --%s: not UTF-8\n", option);
        return false;
    }
    if (value != NULL) {
        json_put_text(body, member, span_of(value));
    }
    return true;
}

static bool word_is_utf8(const char *word)
{
    if (!text_utf8(span_of(word))) {
        fputs("postern: names and addresses are UTF-8\n", stderr);
        return false;
    }
    return true;
}

enum cli_exit cli_group_add(const struct cli_options *options)
{
    struct json *body = json_new_object();
    if (!word_is_utf8(options->words[0]) || !put_option(options, body, "kind", "kind") ||
        !put_option(options, body, "address", "address") ||
        !put_option(options, body, "who-can-send", "who_can_send") ||
        !put_option(options, body, "member-rights", "member_rights") ||
        !put_option(options, body, "owners", "owners")) {
        json_free(body);
        return CLI_REFUSED;
    }
    json_put_text(body, "name", span_of(options->words[0]));
    return cli_change(options, "POST", memory_text(GROUPS), body, "added");
}

enum cli_exit cli_group_delete(const struct cli_options *options)
{
    enum cli_exit result;
    char question[400];
    snprintf(question, sizeof question,
             "Delete the group %.300s? Its addresses are kept from reuse. [y/N] ",
             options->words[0]);
    if (cli_options_value(options, "yes") == NULL && cli_ask_possible() && !cli_ask_yes(question)) {
        fputs("postern: nothing was changed\n", stderr);
        return CLI_REFUSED;
    }
    char *target = target_of(options, "", &result);
    return target == NULL ? result : cli_change(options, "DELETE", target, NULL, "deleted");
}

static enum cli_exit member(const struct cli_options *options, const char *what, const char *done)
{
    enum cli_exit result;
    if (!word_is_utf8(options->words[1])) {
        return CLI_REFUSED;
    }
    char *target = target_of(options, "/members", &result);
    if (target == NULL) {
        return result;
    }
    struct json *body = json_new_object();
    json_put_text(body, what, span_of(options->words[1]));
    return cli_change(options, "POST", target, body, done);
}

enum cli_exit cli_group_member(const struct cli_options *options)
{
    struct cli_options rest = *options;
    bool adds = strcmp(options->words[0], "add") == 0;
    rest.words[0] = options->words[1];
    rest.words[1] = options->words[2];
    if (adds) {
        return member(&rest, "add", "has it as a member now");
    }
    if (strcmp(options->words[0], "remove") == 0 || strcmp(options->words[0], "delete") == 0) {
        return member(&rest, "remove", "has it as a member no more");
    }
    fputs("postern: group member: write 'add GROUP MEMBER' or 'remove GROUP MEMBER'\n", stderr);
    return CLI_USAGE;
}
