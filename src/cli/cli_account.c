/* cli_account.c - `postern account …`. */
#include "cli/cli_account.h"

#include "base/memory.h"
#include "base/text.h"
#include "cli/cli_ask.h"
#include "cli/cli_call.h"
#include "cli/cli_change.h"
#include "cli/cli_list.h"

#include <stdio.h>

static const struct cli_column LISTED[] = {{"ADDRESS", "address"},
                                           {"STATE", "state"},
                                           {"QUOTA", "quota_bytes"},
                                           {"LAST LOGIN", "last_login"},
                                           {"NAME", "name"}};
static const struct cli_column SHOWN[] = {{"address", "address"},   {"state", "state"},
                                          {"name", "name"},         {"id", "id"},
                                          {"mail", "home"},         {"quota", "quota_bytes"},
                                          {"password", "password"}, {"provider", "provider"},
                                          {"subject", "subject"},   {"created", "created"},
                                          {"changed", "changed"},   {"last login", "last_login"}};
static const struct cli_column ADDRESSES[] = {
    {"ALSO", "address"}, {"KIND", "kind"}, {"SINCE", "created"}};

static bool is_utf8(const char *text)
{
    return text_utf8(span_of(text));
}

/* false: a word is not UTF-8, and said so. */
static bool put_option(const struct cli_options *options, struct json *body, const char *name)
{
    const char *value = cli_options_value(options, name);
    if (value != NULL && !is_utf8(value)) {
        fprintf(stderr, "postern: --%s: not UTF-8\n", name);
        return false;
    }
    if (value != NULL) {
        json_put_text(body, name, span_of(value));
    }
    return true;
}

static bool put_secret(const struct cli_options *options, struct json *body, const char *option,
                       const char *member, const char *what)
{
    CLEANUP(secret_done) struct secret secret = {0};
    if (cli_options_value(options, option) == NULL) {
        return true;
    }
    if (!cli_ask_secret(what, &secret)) {
        return false;
    }
    if (!text_utf8(secret_reveal(&secret))) {
        fprintf(stderr, "postern: the %s is not UTF-8\n", what);
        return false;
    }
    json_put_text(body, member, secret_reveal(&secret));
    return true;
}

/* The body of add and set; NULL: said why. */
static struct json *account_body(const struct cli_options *options)
{
    struct json *body = json_new_object();
    if (put_option(options, body, "name") && put_option(options, body, "home") &&
        put_option(options, body, "quota") &&
        put_secret(options, body, "password", "password", "password") &&
        put_secret(options, body, "password-hash", "password_hash", "password hash")) {
        return body;
    }
    json_free(body);
    return NULL;
}

static bool words_are_utf8(const struct cli_options *options)
{
    for (size_t i = 0; i < options->words_count; i++) {
        if (!is_utf8(options->words[i])) {
            fputs("postern: an address is UTF-8\n", stderr);
            return false;
        }
    }
    return true;
}

enum cli_exit cli_account_add(const struct cli_options *options)
{
    struct json *body = words_are_utf8(options) ? account_body(options) : NULL;
    if (body == NULL) {
        return CLI_REFUSED;
    }
    json_put_text(body, "address", span_of(options->words[0]));
    return cli_change(options, "POST", memory_text("/v1/accounts"), body,
                      "added, receives mail now");
}

enum cli_exit cli_account_set(const struct cli_options *options)
{
    struct json *body = account_body(options);
    if (body == NULL) {
        return CLI_REFUSED;
    }
    if (cli_options_value(options, "no-password") != NULL) {
        json_put_text(body, "password_hash", (struct span){0});
    }
    if (json_size(body) == 0) {
        fputs("postern: account set: say what to set, see 'postern account set --help'\n", stderr);
        json_free(body);
        return CLI_USAGE;
    }
    return cli_change(options, "PATCH", cli_call_target("/v1/accounts/", options->words[0], ""),
                      body, "changed");
}

enum cli_exit cli_account_list(const struct cli_options *options)
{
    struct cli_list list = {
        "/v1/accounts",
        "accounts",
        {{"domain", cli_options_value(options, "domain")}},
        "no accounts yet: postern domain add DOMAIN, then postern account add ADDRESS",
        LISTED,
        sizeof LISTED / sizeof *LISTED};
    return cli_list(options, &list);
}

static void show_addresses(const struct json *addresses)
{
    size_t count = 0, size = json_size(addresses);
    const struct json **rows = memory_new(size, sizeof(struct json *));
    for (size_t i = 0; i < size; i++) {
        struct span kind = {0};
        json_text(json_item(addresses, i), "kind", &kind);
        if (!span_is(kind, "primary")) {
            rows[count++] = json_item(addresses, i);
        }
    }
    if (count > 0) {
        putchar('\n');
        cli_show_table(rows, count, ADDRESSES, sizeof ADDRESSES / sizeof *ADDRESSES, "");
    }
    memory_free(rows);
}

enum cli_exit cli_account_show(const struct cli_options *options)
{
    struct json *answer;
    char *target = cli_call_target("/v1/accounts/", options->words[0], "");
    enum cli_exit result = cli_call(options, "GET", target, NULL, &answer);
    memory_free(target);
    if (result != CLI_OK) {
        return result;
    }
    if (options->json) {
        cli_show_json(answer);
    } else {
        cli_show_object(answer, SHOWN, sizeof SHOWN / sizeof *SHOWN);
        show_addresses(json_member(answer, "addresses"));
    }
    json_free(answer);
    return CLI_OK;
}

enum cli_exit cli_account_disable(const struct cli_options *options)
{
    return cli_change(options, "POST",
                      cli_call_target("/v1/accounts/", options->words[0], "/disable"), NULL,
                      "disabled: no sign-in and no sending; mail still arrives");
}

enum cli_exit cli_account_enable(const struct cli_options *options)
{
    return cli_change(options, "POST",
                      cli_call_target("/v1/accounts/", options->words[0], "/enable"), NULL,
                      "enabled");
}

enum cli_exit cli_account_unbind(const struct cli_options *options)
{
    return cli_change(options, "POST",
                      cli_call_target("/v1/accounts/", options->words[0], "/unbind"), NULL,
                      "unbound; the next sign-in with a token binds it again");
}

enum cli_exit cli_account_rename(const struct cli_options *options)
{
    if (!words_are_utf8(options)) {
        return CLI_REFUSED;
    }
    struct json *body = json_new_object();
    json_put_text(body, "to", span_of(options->words[1]));
    return cli_change(options, "POST",
                      cli_call_target("/v1/accounts/", options->words[0], "/rename"), body,
                      "renamed; it stays an alias, and no mail was moved");
}

enum cli_exit cli_account_delete(const struct cli_options *options)
{
    char question[400];
    snprintf(question, sizeof question, "Delete %.318s? Its mail is kept on disk. [y/N] ",
             options->words[0]);
    if (cli_options_value(options, "yes") == NULL && cli_ask_possible() && !cli_ask_yes(question)) {
        fputs("postern: nothing was changed\n", stderr);
        return CLI_REFUSED;
    }
    return cli_change(options, "DELETE", cli_call_target("/v1/accounts/", options->words[0], ""),
                      NULL, "deleted");
}
