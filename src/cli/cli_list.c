/* cli_list.c - a whole list from the daemon, page by page. */
#include "cli/cli_list.h"

#include "base/memory.h"
#include "cli/cli_call.h"
#include "wire/http.h"

#include <stdio.h>

struct pages {
    struct json **documents;
    size_t count;
};

static void pages_done(struct pages *pages)
{
    for (size_t i = 0; i < pages->count; i++) {
        json_free(pages->documents[i]);
    }
    memory_free(pages->documents);
}

static void add_parameter(struct buffer *target, const char *name, struct span value)
{
    buffer_add_byte(target, span_has(buffer_span(target), '?') ? '&' : '?');
    buffer_add_text(target, name);
    buffer_add_byte(target, '=');
    http_encode(value, target);
}

static enum cli_exit fetch_page(const struct cli_options *options, const struct cli_list *list,
                                struct span after, struct json **page)
{
    CLEANUP(buffer_done) struct buffer target = buffer_limited(8192);
    buffer_add_text(&target, list->target);
    for (size_t i = 0; i < 2; i++) {
        if (list->filters[i][1] != NULL) {
            add_parameter(&target, list->filters[i][0], span_of(list->filters[i][1]));
        }
    }
    if (!span_empty(after)) {
        add_parameter(&target, "after", after);
    }
    buffer_add_byte(&target, '\0');
    return cli_call(options, "GET", target.at, NULL, page);
}

static enum cli_exit fetch_all(const struct cli_options *options, const struct cli_list *list,
                               struct pages *pages)
{
    struct span after = {0};
    do {
        struct json *page;
        enum cli_exit result = fetch_page(options, list, after, &page);
        if (result != CLI_OK) {
            return result;
        }
        pages->documents =
            memory_resize(pages->documents, (pages->count + 1) * sizeof(struct json *));
        pages->documents[pages->count++] = page;
        after = (struct span){0};
        json_text(page, "next", &after);
    } while (!span_empty(after));
    return CLI_OK;
}

static void prepare_rows(const struct cli_list *list, struct pages *pages)
{
    for (size_t i = 0; list->prepare != NULL && i < pages->count; i++) {
        struct json *page = json_member_edit(pages->documents[i], list->member);
        for (size_t r = 0; r < json_size(page); r++) {
            list->prepare(json_item_edit(page, r));
        }
    }
}

/* One array, a row a line, so that it can be read and cut. */
static void show_json(const struct json **rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fputs(i == 0 ? "[" : ",\n ", stdout);
        CLEANUP(buffer_done) struct buffer text = buffer_limited(JSON_SIZE_MAX);
        json_write(rows[i], &text);
        printf("%.*s", (int)text.length, text.at);
    }
    puts(count == 0 ? "[]" : "]");
}

enum cli_exit cli_list(const struct cli_options *options, const struct cli_list *list)
{
    CLEANUP(pages_done) struct pages pages = {0};
    enum cli_exit result = fetch_all(options, list, &pages);
    if (result != CLI_OK) {
        return result;
    }
    if (!options->json) {
        prepare_rows(list, &pages);
    }
    size_t count = 0, done = 0;
    for (size_t i = 0; i < pages.count; i++) {
        count += json_size(json_member(pages.documents[i], list->member));
    }
    const struct json **rows = memory_new(count, sizeof(struct json *));
    for (size_t i = 0; i < pages.count; i++) {
        const struct json *page = json_member(pages.documents[i], list->member);
        for (size_t r = 0; r < json_size(page); r++) {
            rows[done++] = json_item(page, r);
        }
    }
    if (options->json) {
        show_json(rows, count);
    } else {
        cli_show_table(rows, count, list->columns, list->columns_count, list->none);
    }
    memory_free(rows);
    return CLI_OK;
}
