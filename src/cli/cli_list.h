/* cli_list.h - a whole list from the daemon, page by page. */
#ifndef CLI_CLI_LIST_H
#define CLI_CLI_LIST_H

#include "cli/cli_show.h"

struct cli_list {
    const char *target;        /* "/v1/accounts" */
    const char *member;        /* "accounts" */
    const char *filters[2][2]; /* query parameters: name and value; NULL values are left out */
    const char *none;          /* what to say of an empty list */
    const struct cli_column *columns;
    size_t columns_count;
    void (*prepare)(struct json *row); /* adds members for columns, not for --json; may be NULL */
};

/* Fetches all pages and shows them: a table, or with --json one array. */
enum cli_exit cli_list(const struct cli_options *options, const struct cli_list *list);

#endif
