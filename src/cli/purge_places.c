/* purge_places.c - where mail lies that somebody still has a right to. */
#include "cli/purge_places.h"

#include "account/account.h"
#include "base/memory.h"
#include "cli/cli_call.h"
#include "cli/purge_marks.h"

#include <string.h>

enum cli_exit purge_places_fetch(const struct cli_options *options, struct purge_places *places)
{
    char after[ADDRESS_MAX + 1] = "";
    do {
        struct json *page;
        struct span next = {0};
        char *target = cli_call_target("/v1/accounts?after=", after, "");
        enum cli_exit result = cli_call(options, "GET", target, NULL, &page);
        memory_free(target);
        if (result != CLI_OK) {
            return result;
        }
        places->pages = memory_resize(places->pages, (places->count + 1) * sizeof(struct json *));
        places->pages[places->count++] = page;
        (void)json_text(page, "next", &next);
        (void)span_fits(next, after, sizeof after);
    } while (after[0] != '\0');
    return CLI_OK;
}

void purge_places_done(struct purge_places *places)
{
    for (size_t i = 0; i < places->count; i++) {
        json_free(places->pages[i]);
    }
    memory_free(places->pages);
}

static bool lies_in(struct span inner, struct span outer)
{
    return inner.length >= outer.length && span_equal(span_first(inner, outer.length), outer) &&
           (inner.length == outer.length || inner.at[outer.length] == '/');
}

bool purge_places_overlap(struct span a, struct span b)
{
    return lies_in(a, b) || lies_in(b, a);
}

struct span purge_places_user(const struct purge_places *places, struct span home)
{
    for (size_t p = 0; p < places->count; p++) {
        const struct json *accounts = json_member(places->pages[p], "accounts");
        for (size_t i = 0; i < json_size(accounts); i++) {
            const struct json *account = json_item(accounts, i);
            struct span own = json_value_text(json_member(account, "home"));
            if (!span_empty(own) && purge_places_overlap(own, home)) {
                return json_value_text(json_member(account, "address"));
            }
        }
    }
    return (struct span){0};
}

const char *purge_places_below(const char *root, const char *home)
{
    size_t length = strlen(root);
    while (length > 0 && root[length - 1] == '/') {
        length--;
    }
    if (!account_home_valid(span_of(home)) || strncmp(home, root, length) != 0 ||
        home[length] != '/' || home[length + 1] == '\0') {
        return NULL;
    }
    const char *below = home + length + 1;
    return strncmp(below, PURGE_MARKS_NAME, strlen(PURGE_MARKS_NAME)) == 0 ? NULL : below;
}
