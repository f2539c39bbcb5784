/* cli_scim_token.c - `postern scim-token …`: who may provision, and the secrets that prove it. */
#include "cli/cli_scim_token.h"

#include "base/memory.h"
#include "base/text.h"
#include "cli/cli_ask.h"
#include "cli/cli_call.h"
#include "cli/cli_change.h"
#include "cli/cli_list.h"
#include "cli/cli_time.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CLIENTS "/v1/clients"

static const struct cli_column LISTED[] = {{"NAME", "name"},           {"DOMAINS", "domains"},
                                           {"RIGHTS", "rights"},       {"PROVIDER", "provider"},
                                           {"SECRETS", "secrets_are"}, {"LAST USED", "last_used"},
                                           {"RESOURCES", "resources"}, {"FROZEN", "frozen"}};
static const struct cli_column SHOWN[] = {{"name", "name"},
                                          {"base URL", "base_url"},
                                          {"domains", "domains"},
                                          {"rights", "rights"},
                                          {"provider", "provider"},
                                          {"default domain", "default_domain"},
                                          {"group template", "group_template"},
                                          {"networks", "networks"},
                                          {"unknown members", "unknown_members"},
                                          {"adopts", "adopt"},
                                          {"adopts until", "adopt_until"},
                                          {"secrets", "secrets_are"},
                                          {"users", "users", CLI_COLUMN_COUNT},
                                          {"groups", "groups", CLI_COLUMN_COUNT},
                                          {"frozen", "frozen"},
                                          {"last used", "last_used"},
                                          {"created", "created"},
                                          {"changed", "changed"},
                                          {"id", "id"}};

/* What the daemon is to be told. */

static bool not_utf8(const char *option)
{
    fprintf(stderr, "postern: --%s: not UTF-8\n", option);
    return false;
}

static bool put_texts(const struct cli_options *options, struct json *body)
{
    static const struct {
        const char *option, *member;
    } TEXTS[] = {{"domains", "domains"},
                 {"rights", "rights"},
                 {"default-domain", "default_domain"},
                 {"group-template", "group_template"},
                 {"provider", "provider"},
                 {"networks", "networks"},
                 {"unknown-members", "unknown_members"},
                 {"adopt", "adopt"}};
    for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++) {
        const char *value = cli_options_value(options, TEXTS[i].option);
        if (value != NULL && !text_utf8(span_of(value))) {
            return not_utf8(TEXTS[i].option);
        }
        if (value != NULL) {
            json_put_text(body, TEXTS[i].member, span_of(value));
        }
    }
    return true;
}

static bool put_span(const struct cli_options *options, struct json *body, const char *option,
                     const char *member)
{
    const char *value = cli_options_value(options, option);
    int64_t seconds;
    if (value == NULL) {
        return true;
    }
    if (!cli_time_span(value, &seconds)) {
        fprintf(stderr, "postern: --%s: write a time such as 12h, 7d or 365d\n", option);
        return false;
    }
    json_put_integer(body, member, seconds);
    return true;
}

/* What it tells of a new secret: the secret alone on standard output, the rest beside it. */
static void show_secret(const struct cli_options *options, const struct json *answer,
                        const char *done)
{
    struct span secret = {0}, base = {0}, expires = {0}, note = {0};
    if (options->json) {
        cli_show_json(answer);
        return;
    }
    (void)json_text(answer, "secret", &secret);
    bool seen = isatty(STDOUT_FILENO) == 1;
    fprintf(stderr, "%s: %s. This is its secret; it is shown this once, and kept as a hash only:\n",
            options->words[0], done);
    printf(seen ? "\n    %.*s\n\n" : "%.*s\n", (int)secret.length, secret.at);
    fflush(stdout);
    if (json_text(answer, "base_url", &base)) {
        fprintf(stderr, "The provider's SCIM base URL is %.*s\n", (int)base.length, base.at);
    } else {
        fputs("No provider can reach it yet: set http.public in postern.conf, see docs/scim.md\n",
              stderr);
    }
    if (json_text(answer, "expires", &expires)) {
        fprintf(stderr, "It expires at %.*s; before that: postern scim-token rotate %s\n",
                (int)expires.length, expires.at, options->words[0]);
    }
    if (json_text(answer, "note", &note)) {
        fprintf(stderr, "%.*s\n", (int)note.length, note.at);
    }
}

/* Takes over `target` and `body`. */
static enum cli_exit new_secret(const struct cli_options *options, char *target, struct json *body,
                                const char *done)
{
    struct json *answer;
    enum cli_exit result = cli_call(options, "POST", target, body, &answer);
    memory_free(target);
    if (result == CLI_OK) {
        show_secret(options, answer, done);
        json_wipe(answer, "secret");
        json_free(answer);
    }
    return result;
}

static bool word_is_utf8(const struct cli_options *options)
{
    if (!text_utf8(span_of(options->words[0]))) {
        fputs("postern: a client's name is of letters, digits, \".\", \"_\" and \"-\"\n", stderr);
        return false;
    }
    return true;
}

enum cli_exit cli_scim_token_create(const struct cli_options *options)
{
    const char *domains = cli_options_value(options, "domains");
    if (domains == NULL || domains[0] == '\0') {
        fputs("postern: scim-token create: --domains DOMAIN,... is missing: it could write no "
              "address\n",
              stderr);
        return CLI_USAGE;
    }
    struct json *body = json_new_object();
    if (!word_is_utf8(options) || !put_texts(options, body) ||
        !put_span(options, body, "adopt-for", "adopt_for") ||
        !put_span(options, body, "expires", "expires_in")) {
        json_free(body);
        return CLI_REFUSED;
    }
    json_put_text(body, "name", span_of(options->words[0]));
    return new_secret(options, memory_text(CLIENTS), body, "added");
}

enum cli_exit cli_scim_token_set(const struct cli_options *options)
{
    struct json *body = json_new_object();
    if (!put_texts(options, body) || !put_span(options, body, "adopt-for", "adopt_for")) {
        json_free(body);
        return CLI_REFUSED;
    }
    if (json_size(body) == 0) {
        fputs("postern: scim-token set: say what to set, see 'postern scim-token set --help'\n",
              stderr);
        json_free(body);
        return CLI_USAGE;
    }
    return cli_change(options, "PATCH", cli_call_target(CLIENTS "/", options->words[0], ""), body,
                      "changed, from its next request on");
}

enum cli_exit cli_scim_token_rotate(const struct cli_options *options)
{
    bool at_once = cli_options_value(options, "now") != NULL;
    struct json *body = json_new_object();
    if (at_once && cli_options_value(options, "keep-old") != NULL) {
        fputs("postern: scim-token rotate: --now and --keep-old exclude each other\n", stderr);
        json_free(body);
        return CLI_USAGE;
    }
    json_put_integer(body, "keep_for", at_once ? 0 : INT64_C(7) * 24 * 3600);
    if (!put_span(options, body, "keep-old", "keep_for") ||
        !put_span(options, body, "expires", "expires_in")) {
        json_free(body);
        return CLI_REFUSED;
    }
    return new_secret(options, cli_call_target(CLIENTS "/", options->words[0], "/rotate"), body,
                      at_once ? "the old secret is good for nothing any more"
                              : "the old secret stays good for a while");
}

enum cli_exit cli_scim_token_release(const struct cli_options *options)
{
    return cli_change(options, "POST", cli_call_target(CLIENTS "/", options->words[0], "/release"),
                      NULL, "released: what it deleted is purged when its time has come");
}

enum cli_exit cli_scim_token_delete(const struct cli_options *options)
{
    char question[200];
    snprintf(question, sizeof question, "Delete %.63s? Its secrets stop working at once. [y/N] ",
             options->words[0]);
    if (cli_options_value(options, "yes") == NULL && cli_ask_possible() && !cli_ask_yes(question)) {
        fputs("postern: nothing was changed\n", stderr);
        return CLI_REFUSED;
    }
    return cli_change(options, "DELETE", cli_call_target(CLIENTS "/", options->words[0], ""), NULL,
                      "deleted");
}

/* Looking. */

/* "1, until 2027-11-24"; "2, until 2026-12-01, no end" */
static void put_secrets(struct json *client)
{
    CLEANUP(buffer_done) struct buffer text = buffer_limited(256);
    const struct json *secrets = json_member(client, "secrets");
    buffer_add_number(&text, (int64_t)json_size(secrets));
    for (size_t i = 0; i < json_size(secrets); i++) {
        struct span expires = {0};
        bool ends = json_text(json_item(secrets, i), "expires", &expires);
        buffer_add_text(&text, ends ? ", until " : ", no end");
        buffer_add(&text, span_first(expires, strlen("2027-11-24")));
    }
    json_put_text(client, "secrets_are", buffer_span(&text));
}

static void put_resources(struct json *client)
{
    char text[64];
    int64_t users = 0, groups = 0;
    (void)json_number(client, "users", &users);
    (void)json_number(client, "groups", &groups);
    snprintf(text, sizeof text, "%lld users, %lld groups", (long long)users, (long long)groups);
    json_put_text(client, "resources", span_of(text));
}

static void prepare(struct json *client)
{
    put_secrets(client);
    put_resources(client);
}

enum cli_exit cli_scim_token_list(const struct cli_options *options)
{
    struct cli_list list = {
        .target = CLIENTS,
        .member = "clients",
        .none = "no clients: postern scim-token create NAME --domains DOMAIN",
        .columns = LISTED,
        .columns_count = sizeof LISTED / sizeof *LISTED,
        .prepare = prepare,
    };
    return cli_list(options, &list);
}

enum cli_exit cli_scim_token_show(const struct cli_options *options)
{
    struct json *answer;
    char *target = cli_call_target(CLIENTS "/", options->words[0], "");
    enum cli_exit result = cli_call(options, "GET", target, NULL, &answer);
    memory_free(target);
    if (result != CLI_OK) {
        return result;
    }
    if (options->json) {
        cli_show_json(answer);
    } else {
        prepare(answer);
        cli_show_object(answer, SHOWN, sizeof SHOWN / sizeof *SHOWN);
    }
    json_free(answer);
    return CLI_OK;
}
