/* cli_account.c - `postern account …`. */
#include "cli/cli_account.h"

#include "base/memory.h"
#include "base/text.h"
#include "cli/cli_ask.h"
#include "cli/cli_call.h"
#include "cli/cli_change.h"
#include "cli/cli_list.h"
#include "cli/cli_source.h"

#include <stdio.h>

static const struct cli_column LISTED[] = {
    {"ADDRESS", "address"},   {"STATE", "state"},           {"KIND", "kind"}, {"ORIGIN", "origin"},
    {"QUOTA", "quota_bytes"}, {"LAST LOGIN", "last_login"}, {"NAME", "name"}};
static const struct cli_column SHOWN[] = {{"address", "address"},
                                          {"state", "state"},
                                          {"kind", "kind"},
                                          {"name", "name"},
                                          {"id", "id"},
                                          {"origin", "origin_is"},
                                          {"external id", "external_id"},
                                          {"userName", "sent_name"},
                                          {"mail", "home"},
                                          {"quota", "quota_bytes"},
                                          {"services", "services_are"},
                                          {"if disabled", "on_disable"},
                                          {"forwards to", "forward_to"},
                                          {"retention", "retention_is"},
                                          {"password", "password"},
                                          {"provider", "provider"},
                                          {"subject", "subject"},
                                          {"created", "created"},
                                          {"changed", "changed"},
                                          {"last login", "last_login"}};
static const struct cli_column GROUPS[] = {
    {"IN GROUP", "name"}, {"KIND", "kind"}, {"ADDRESS", "address"}};
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

static void show_groups(const struct json *groups)
{
    size_t size = json_size(groups);
    const struct json **rows = memory_new(size, sizeof(struct json *));
    for (size_t i = 0; i < size; i++) {
        rows[i] = json_item(groups, i);
    }
    if (size > 0) {
        putchar('\n');
        cli_show_table(rows, size, GROUPS, sizeof GROUPS / sizeof *GROUPS, "");
    }
    memory_free(rows);
}

static void put_words(struct json *account, const char *name, const char *first, struct span second)
{
    CLEANUP(buffer_done) struct buffer text = buffer_limited(400);
    buffer_add_text(&text, first);
    buffer_add(&text, second);
    json_put_text(account, name, buffer_span(&text));
}

/* What takes more than one member to say. */
static void prepare(struct json *account)
{
    char days[32] = "the default";
    bool mailbox = true;
    int64_t number;
    struct span origin = json_value_text(json_member(account, "origin"));
    struct span since = json_value_text(json_member(account, "provisioned"));
    CLEANUP(buffer_done) struct buffer words = buffer_limited(300);
    buffer_add(&words, span_is(origin, "hand") ? SPAN_LITERAL("by hand") : origin);
    buffer_add_text(&words, span_empty(since) ? "" : ", since ");
    buffer_add(&words, since);
    put_words(account, "origin_is", "", buffer_span(&words));
    buffer_clear(&words);
    const struct json *services = json_member(account, "services");
    for (size_t i = 0; i < json_size(services); i++) {
        buffer_add_text(&words, i > 0 ? ", " : "");
        buffer_add(&words, json_value_text(json_item(services, i)));
    }
    (void)json_boolean(account, "mailbox", &mailbox);
    put_words(account, "services_are", json_size(services) == 0 ? "all" : "", buffer_span(&words));
    if (!mailbox) {
        put_words(account, "home", "none: it only signs in", (struct span){0});
    }
    if (json_number(account, "retention_days", &number)) {
        snprintf(days, sizeof days, "%lld days", (long long)number);
    }
    put_words(account, "retention_is", days, (struct span){0});
}

enum cli_exit cli_account_show(const struct cli_options *options)
{
    struct json *answer;
    bool source = cli_options_value(options, "source") != NULL;
    char *target = cli_call_target("/v1/accounts/", options->words[0], source ? "/source" : "");
    enum cli_exit result =
        source ? cli_source_show(options, target) : cli_call(options, "GET", target, NULL, &answer);
    memory_free(target);
    if (result != CLI_OK || source) {
        return result;
    }
    if (options->json) {
        cli_show_json(answer);
    } else {
        prepare(answer);
        cli_show_object(answer, SHOWN, sizeof SHOWN / sizeof *SHOWN);
        show_addresses(json_member(answer, "addresses"));
        show_groups(json_member(answer, "groups"));
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
