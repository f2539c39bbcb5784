/* verifier.c - /introspect and /userinfo for mail servers that check tokens by themselves. */
#include "mail/verifier.h"

#include "auth/credential.h"
#include "base/memory.h"
#include "base/text.h"
#include "wire/json.h"
#include "wire/uri.h"

enum {
    ANSWER_MAX = 4 * 1024,
    BASIC_MAX = 1024,
    CLIENT_MAX = 64, /* an address, and more */
    WORD_MAX = 64,   /* a protocol, a session */
};

/* What differs between the two. */
static const struct page {
    const char *name, *way;
    void (*accepted)(struct http_exchange *exchange, const struct login_outcome *outcome);
    int refused_status;
} pages[];

/* One question: lives from its request to its answer. */
struct question {
    struct verifier *verifier;
    struct question *next, *previous;
    struct http_exchange *exchange;
    const struct page *page;
    struct login *login;
};

struct verifier {
    struct login_service *service;
    struct secret secret;
    struct question *first;
    size_t count;
};

/* -- answers -- */

static void reply(struct http_exchange *exchange, int status, struct span body)
{
    http_server_reply(exchange, status, "application/json", body);
}

static void add_member(struct buffer *json, const char *before, struct span text)
{
    buffer_add_text(json, before);
    json_write_text(text, json);
}

/* RFC 7662, 2.2. Dovecot reads username_attribute: both names are the account's. */
static void say_active(struct http_exchange *exchange, const struct login_outcome *outcome)
{
    CLEANUP(buffer_done) struct buffer json = buffer_limited(ANSWER_MAX);
    add_member(&json, "{\"active\":true,\"username\":", outcome->user);
    add_member(&json, ",\"email\":", outcome->user);
    add_member(&json, ",\"sub\":", outcome->account_id);
    buffer_add_text(&json, ",\"token_type\":\"Bearer\"}");
    reply(exchange, 200, buffer_span(&json));
}

/* OpenID Connect Core, 5.3.2; with active, for a Dovecot 2.4 that is told to look at it. */
static void say_claims(struct http_exchange *exchange, const struct login_outcome *outcome)
{
    CLEANUP(buffer_done) struct buffer json = buffer_limited(ANSWER_MAX);
    add_member(&json, "{\"sub\":", outcome->account_id);
    add_member(&json, ",\"email\":", outcome->user);
    add_member(&json, ",\"preferred_username\":", outcome->user);
    buffer_add_text(&json, ",\"email_verified\":true,\"active\":true}");
    reply(exchange, 200, buffer_span(&json));
}

/* The same for every reason: it tells nobody who exists. No user name: Dovecot 2.4 takes a refusal with one in it for a
 * yes, of any status below 500. And no `error`, which Dovecot 2.3 takes for an outage. */
static const char refused[] = "{\"active\":false}";

static const struct page pages[] = {
    {"introspect", "INTROSPECT", say_active, 200},
    {"userinfo", "USERINFO", say_claims, 401},
};

static void free_question(struct question *question)
{
    struct verifier *verifier = question->verifier;
    *(question->previous == NULL ? &verifier->first : &question->previous->next) = question->next;
    if (question->next != NULL) {
        question->next->previous = question->previous;
    }
    verifier->count--;
    memory_free(question);
}

static void on_decided(const struct login_outcome *outcome, void *context)
{
    struct question *question = context;
    struct http_exchange *exchange = question->exchange;
    const struct page *page = question->page;
    free_question(question);
    switch (outcome->answer) {
    case LOGIN_ACCEPTED:
        page->accepted(exchange, outcome);
        return;
    case LOGIN_UNAVAILABLE:
        reply(exchange, 503, SPAN_LITERAL("{\"error\":\"temporarily_unavailable\"}"));
        return;
    case LOGIN_CHALLENGE: /* never: nobody asked for SASL */
    case LOGIN_REFUSED:
        break;
    }
    reply(exchange, page->refused_status, span_of(refused));
}

/* -- who asks -- */

static bool header(const struct http_request *http, const char *name, struct span *value)
{
    return http_find(http->headers, http->headers_count, name, value);
}

/* What follows "Basic " or "Bearer " (RFC 9110, 11.1: in any case). */
static bool authorization(const struct http_request *http, const char *scheme, struct span *value)
{
    struct span whole, word;
    if (!header(http, "Authorization", &whole) || !span_cut(&whole, ' ', &word) ||
        !span_is_fold(word, scheme) || whole.at == NULL) {
        return false;
    }
    *value = span_trim(whole);
    return true;
}

static bool is_secret(const struct verifier *verifier, struct span text)
{
    return !secret_empty(&verifier->secret) &&
           secret_equal_span(text, secret_reveal(&verifier->secret));
}

/* The password of Basic; any user name. */
static bool basic_knows_secret(const struct verifier *verifier, const struct http_request *http)
{
    CLEANUP(buffer_wipe) struct buffer decoded = buffer_limited(BASIC_MAX);
    struct span base64, name, rest;
    if (!authorization(http, "Basic", &base64) || !text_base64_decode(base64, &decoded)) {
        return false;
    }
    rest = buffer_span(&decoded);
    return span_cut(&rest, ':', &name) && rest.at != NULL && is_secret(verifier, rest);
}

/* Percent-decodes into a buffer that is wiped: it may be a token or the secret. */
static bool decode(struct span text, bool form, struct buffer *out)
{
    for (; !span_empty(text); text = span_from(text, 1)) {
        int byte = span_at(text, 0);
        if (byte == '%') {
            byte = uri_escaped(text);
            text = span_from(text, 2);
        } else if (byte == '+' && form) {
            byte = ' ';
        }
        if (byte <= 0) {
            return false;
        }
        buffer_add_byte(out, (char)byte);
    }
    return !buffer_full(out);
}

static bool path_knows_secret(const struct verifier *verifier, struct span segment)
{
    CLEANUP(buffer_wipe) struct buffer decoded = buffer_limited(BASIC_MAX);
    return decode(segment, false, &decoded) && is_secret(verifier, buffer_span(&decoded));
}

/* NULL: no page of ours, or the secret is not known: nobody is told which. */
static const struct page *find_page(const struct verifier *verifier,
                                    const struct http_request *http)
{
    struct span rest = span_from(http->path, 1), first, name;
    (void)span_cut(&rest, '/', &first);
    bool alone = rest.at == NULL;
    name = alone ? first : rest;
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        if (span_is(name, pages[i].name)) {
            bool known =
                alone ? basic_knows_secret(verifier, http) : path_knows_secret(verifier, first);
            return known ? &pages[i] : NULL;
        }
    }
    return NULL;
}

/* -- what is asked -- */

/* "192.0.2.1:143" or "[2001:db8::1]:143", without the port. */
static struct span without_port(struct span text)
{
    if (span_starts(text, "[")) {
        return span_first(span_from(text, 1), span_find(span_from(text, 1), ']'));
    }
    return span_first(text, span_find_last(text, ':'));
}

static struct span told(const struct http_request *http, const char *name, size_t length_max)
{
    struct span value = {0};
    bool good =
        header(http, name, &value) && value.length <= length_max && text_printable_ascii(value);
    return good ? value : (struct span){0};
}

/* Dovecot 2.4 calls it by the second name. */
static struct span protocol_told(const struct http_request *http)
{
    struct span service = told(http, "X-Dovecot-Auth-Service", WORD_MAX);
    return span_empty(service) ? told(http, "X-Dovecot-Auth-Protocol", WORD_MAX) : service;
}

/* RFC 6750, 2: in one place only, or (Dovecot's tokeninfo) the same one in two. false: different ones. */
static bool add_token(struct span value, struct secret *token)
{
    struct span first = span_first(value, CREDENTIAL_MESSAGE_MAX);
    if (secret_empty(token)) {
        *token = secret_new(first);
        return true;
    }
    return secret_equal_span(secret_reveal(token), first);
}

/* Of a query or a form; parameters of other names are none of ours (client_id …). */
static bool add_pairs(struct span pairs, struct secret *token)
{
    struct span pair, name;
    while (span_cut(&pairs, '&', &pair)) {
        CLEANUP(buffer_wipe) struct buffer decoded = buffer_limited(CREDENTIAL_MESSAGE_MAX);
        (void)span_cut(&pair, '=', &name);
        bool ours = span_is(name, "token") || span_is(name, "access_token");
        if (ours && (!decode(pair, true, &decoded) || !add_token(buffer_span(&decoded), token))) {
            return false;
        }
    }
    return true;
}

/* Empty when there is none, or when there are different ones: that is a refusal like others. */
static struct secret find_token(const struct http_request *http)
{
    struct secret token = {0};
    struct span bearer;
    if (!add_pairs(http->query, &token) ||
        (span_is(http->method, "POST") && !add_pairs(http->body, &token)) ||
        (authorization(http, "Bearer", &bearer) && !add_token(bearer, &token))) {
        secret_done(&token);
    }
    return token;
}

static void ask(struct verifier *verifier, struct http_exchange *exchange, const struct page *page,
                const struct http_request *http)
{
    CLEANUP(secret_done) struct secret token = find_token(http);
    struct login_request request = {
        .protocol = protocol_told(http),
        .client = without_port(told(http, "X-Dovecot-Auth-Remote", CLIENT_MAX)),
        .server = without_port(told(http, "X-Dovecot-Auth-Local", CLIENT_MAX)),
        .session = told(http, "X-Dovecot-Auth-Session", WORD_MAX),
        .secured = true,
        .token = &token,
        .way = page->way,
    };
    struct question *question = MEMORY_NEW(struct question);
    *question = (struct question){verifier, verifier->first, NULL, exchange, page, NULL};
    if (question->next != NULL) {
        question->next->previous = question;
    }
    verifier->first = question;
    verifier->count++;
    http_server_keep(exchange, question);
    question->login = login_start(verifier->service, &request, on_decided, question);
}

/* -- the door -- */

bool verifier_request(struct verifier *verifier, struct http_exchange *exchange,
                      const struct http_server_request *request)
{
    const struct http_request *http = request->http;
    const struct page *page = find_page(verifier, http);
    if (page == NULL) {
        return false;
    }
    if (!span_is(http->method, "GET") && !span_is(http->method, "POST")) {
        reply(exchange, 405, SPAN_LITERAL("{\"error\":\"GET or POST\"}"));
        return true;
    }
    ask(verifier, exchange, page, http);
    return true;
}

void verifier_gone(struct verifier *verifier, struct http_exchange *exchange)
{
    struct question *question = http_server_kept(exchange);
    (void)verifier;
    if (question != NULL) {
        login_cancel(question->login);
        free_question(question);
    }
}

size_t verifier_requests(const struct verifier *verifier)
{
    return verifier->count;
}

struct verifier *verifier_new(struct login_service *service, const struct secret *secret)
{
    struct verifier *verifier = MEMORY_NEW(struct verifier);
    verifier->service = service;
    verifier->secret = secret_copy(secret);
    return verifier;
}

void verifier_configure(struct verifier *verifier, const struct secret *secret)
{
    secret_done(&verifier->secret);
    verifier->secret = secret_copy(secret);
}

void verifier_free(struct verifier *verifier)
{
    if (verifier == NULL) {
        return;
    }
    while (verifier->first != NULL) {
        struct http_exchange *exchange = verifier->first->exchange;
        verifier_gone(verifier, exchange);
        http_server_keep(exchange, NULL);
    }
    secret_done(&verifier->secret);
    memory_free(verifier);
}
