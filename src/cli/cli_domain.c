/* cli_domain.c - `postern domain …` and `postern alias …`. */
#include "cli/cli_domain.h"

#include "base/memory.h"
#include "base/text.h"
#include "cli/cli_ask.h"
#include "cli/cli_call.h"
#include "cli/cli_change.h"
#include "cli/cli_list.h"

#include <stdio.h>

static const struct cli_column DOMAINS[] = {{"DOMAIN", "name"}, {"SINCE", "created"}};
static const struct cli_column ALIASES[] = {
    {"ALIAS", "address"}, {"KIND", "kind"}, {"ACCOUNT", "account"}, {"SINCE", "created"}};

/* A body of two members, the second left out when NULL or empty. NULL: a word is not UTF-8, and said so. */
static struct json *pair(const char *first, const char *first_value, const char *second,
                         const char *second_value)
{
    const char *value = second_value != NULL ? second_value : "";
    if (!text_utf8(span_of(first_value)) || !text_utf8(span_of(value))) {
        fputs("postern: addresses and domains are UTF-8\n", stderr);
        return NULL;
    }
    struct json *body = json_new_object();
    json_put_text(body, first, span_of(first_value));
    if (value[0] != '\0') {
        json_put_text(body, second, span_of(value));
    }
    return body;
}

enum cli_exit cli_domain_add(const struct cli_options *options)
{
    char asked[400] = "", question[500];
    const char *postmaster = cli_options_value(options, "postmaster");
    if (postmaster == NULL && cli_ask_possible()) {
        snprintf(question, sizeof question,
                 "Every domain needs postmaster@ and abuse@ (RFC 2142). Which account reads them?\n"
                 "An address, or nothing for a new account postmaster@%.253s: ",
                 options->words[0]);
        cli_ask_line(question, asked, sizeof asked);
        postmaster = asked;
    }
    struct json *body = pair("name", options->words[0], "postmaster", postmaster);
    return body == NULL ? CLI_REFUSED
                        : cli_change(options, "POST", memory_text("/v1/domains"), body, "added");
}

enum cli_exit cli_domain_list(const struct cli_options *options)
{
    struct cli_list list = {"/v1/domains", "domains",
                            {{0}},         "no domains yet: postern domain add DOMAIN",
                            DOMAINS,       sizeof DOMAINS / sizeof *DOMAINS};
    return cli_list(options, &list);
}

enum cli_exit cli_domain_delete(const struct cli_options *options)
{
    return cli_change(options, "DELETE", cli_call_target("/v1/domains/", options->words[0], ""),
                      NULL, "deleted");
}

enum cli_exit cli_domain_alias_add(const struct cli_options *options)
{
    struct json *body = pair("address", options->words[0], "target", options->words[1]);
    return body == NULL ? CLI_REFUSED
                        : cli_change(options, "POST", memory_text("/v1/aliases"), body,
                                     "added, receives mail now");
}

enum cli_exit cli_domain_alias_list(const struct cli_options *options)
{
    struct cli_list list = {"/v1/aliases",
                            "aliases",
                            {{"domain", cli_options_value(options, "domain")},
                             {"account", cli_options_value(options, "account")}},
                            "no aliases",
                            ALIASES,
                            sizeof ALIASES / sizeof *ALIASES};
    return cli_list(options, &list);
}

enum cli_exit cli_domain_alias_delete(const struct cli_options *options)
{
    return cli_change(options, "DELETE", cli_call_target("/v1/aliases/", options->words[0], ""),
                      NULL, "deleted");
}
