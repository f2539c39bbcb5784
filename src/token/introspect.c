/* introspect.c - a token checked at introspection or at Google's tokeninfo: the request, and what its answer means. */
#include "token/introspect.h"

#include "base/memory.h"
#include "base/text.h"
#include "token/signature.h"
#include "wire/json.h"
#include "wire/jwt.h"

#include <stdio.h>
#include <string.h>

enum {
    BODY_MAX =
        SECRET_MAX, /* what a fetch takes: each byte of a token becomes three at most, and there
                              is a secret or an assertion beside it */
    HEADER_VALUE_MAX = 32 * 1024,
    ASSERTION_MAX = 16 * 1024,
    ASSERTION_SECONDS = 60,
    NONCE_SIZE = 16,
};

static const char FORM[] = "application/x-www-form-urlencoded";

/* -- the request -- */

/* application/x-www-form-urlencoded, for bodies and, by RFC 6749, 2.3.1, for Basic. What URIs and forms both
 * leave alone is left alone, and a blank is %20: so it also arrives where somebody decodes by the other rules. */
static void add_encoded(struct buffer *out, struct span text)
{
    static const char DIGITS[] = "0123456789ABCDEF", BARE[] = "-._~*";
    for (size_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)span_at(text, i);
        char lower = span_lower((char)byte);
        if ((lower >= 'a' && lower <= 'z') || (byte >= '0' && byte <= '9') ||
            (byte != '\0' && strchr(BARE, byte) != NULL)) {
            buffer_add_byte(out, (char)byte);
        } else {
            char escape[3] = {'%', DIGITS[byte >> 4], DIGITS[byte & 15]};
            buffer_add(out, span_bytes(escape, sizeof escape));
        }
    }
}

static void add_field(struct buffer *body, const char *name, struct span value)
{
    if (body->length > 0) {
        buffer_add_byte(body, '&');
    }
    buffer_add_text(body, name);
    buffer_add_byte(body, '=');
    add_encoded(body, value);
}

static bool authorize(struct introspect_request *request, const char *scheme, struct span value,
                      struct error *error)
{
    CLEANUP(buffer_wipe) struct buffer text = buffer_limited(HEADER_VALUE_MAX);
    buffer_add_text(&text, scheme);
    buffer_add_byte(&text, ' ');
    buffer_add(&text, value);
    if (buffer_full(&text)) {
        return error_set(error, "introspection: the credentials are too long");
    }
    request->authorization = secret_new(buffer_span(&text));
    request->fetch.authorization = &request->authorization;
    return true;
}

static bool authorize_basic(const struct provider_introspection *ours,
                            struct introspect_request *request, struct error *error)
{
    CLEANUP(buffer_wipe) struct buffer pair = buffer_limited(HEADER_VALUE_MAX);
    CLEANUP(buffer_wipe) struct buffer encoded = buffer_limited(HEADER_VALUE_MAX);
    if (ours->id == NULL) {
        return true; /* the URL's user-info, which the fetch sends by itself */
    }
    add_encoded(&pair, span_of(ours->id));
    buffer_add_byte(&pair, ':');
    add_encoded(&pair, span_of(ours->secret));
    text_base64_encode(buffer_span(&pair), &encoded);
    if (buffer_full(&pair) || buffer_full(&encoded)) {
        return error_set(error, "introspection: the credentials are too long");
    }
    return authorize(request, "Basic", buffer_span(&encoded), error);
}

static bool authorize_bearer(const struct provider_introspection *ours,
                             struct introspect_request *request, struct error *error)
{
    if (!text_b64token(span_of(ours->secret))) {
        return error_set(error, "introspection: the secret is no bearer token (RFC 6750, 2.1)");
    }
    return authorize(request, "Bearer", span_of(ours->secret), error);
}

/* RFC 7523, 3. Servers differ in whether they want to be named by their issuer or by the endpoint: both. */
static void add_assertion_claims(const struct provider *provider, const char *url,
                                 struct span issuer, int64_t now, struct buffer *out)
{
    unsigned char nonce[NONCE_SIZE];
    CLEANUP(buffer_done) struct buffer id = buffer_limited(2 * NONCE_SIZE);
    char *endpoint = provider_shown(url); /* without user-info */
    struct span client = span_of(provider->introspection.id);
    secret_random(nonce, sizeof nonce);
    text_hex_encode(span_bytes(nonce, sizeof nonce), &id);
    CLEANUP(json_cleanup) struct json *claims = json_new_object();
    struct json *audiences = json_new_array();
    if (!span_empty(issuer)) {
        json_append_text(audiences, issuer);
    }
    json_append_text(audiences, span_of(endpoint == NULL ? url : endpoint));
    json_put_text(claims, "iss", client);
    json_put_text(claims, "sub", client);
    json_put(claims, "aud", audiences);
    json_put_text(claims, "jti", buffer_span(&id));
    json_put_integer(claims, "iat", now);
    json_put_integer(claims, "exp", now + ASSERTION_SECONDS);
    json_write(claims, out);
    memory_free(endpoint);
}

static void add_assertion_header(enum signature_algorithm algorithm, struct buffer *out)
{
    CLEANUP(json_cleanup) struct json *header = json_new_object();
    json_put_text(header, "alg", span_of(signature_algorithm_name(algorithm)));
    json_put_text(header, "typ", SPAN_LITERAL("JWT"));
    json_write(header, out);
}

static bool sign(const struct signature_signer *signer, const struct provider *provider,
                 const char *url, struct span issuer, int64_t now, struct buffer *assertion)
{
    CLEANUP(buffer_done) struct buffer header = buffer_limited(ASSERTION_MAX);
    CLEANUP(buffer_done) struct buffer claims = buffer_limited(ASSERTION_MAX);
    CLEANUP(buffer_done) struct buffer signature = buffer_limited(ASSERTION_MAX);
    add_assertion_header(signature_signer_algorithm(signer), &header);
    add_assertion_claims(provider, url, issuer, now, &claims);
    jwt_base64url_encode(buffer_span(&header), assertion);
    buffer_add_byte(assertion, '.');
    jwt_base64url_encode(buffer_span(&claims), assertion);
    if (!signature_sign(signer, buffer_span(assertion), &signature)) {
        return false;
    }
    buffer_add_byte(assertion, '.');
    jwt_base64url_encode(buffer_span(&signature), assertion);
    return !buffer_full(assertion) && !buffer_full(&header) && !buffer_full(&claims);
}

static bool authorize_key(const struct provider *provider, const char *url, struct span issuer,
                          int64_t now, struct introspect_request *request, struct error *error)
{
    if (!text_utf8(span_of(provider->introspection.id))) {
        return error_set(error, "introspection: the id is no UTF-8");
    }
    CLEANUP(secret_done) struct secret pem = secret_new(span_of(provider->introspection.secret));
    CLEANUP(buffer_wipe) struct buffer assertion = buffer_limited(3 * ASSERTION_MAX);
    struct signature_signer *signer = signature_signer_new(&pem, error);
    if (signer == NULL) {
        return error_prefix(error, "introspection: ");
    }
    bool signed_it = sign(signer, provider, url, issuer, now, &assertion);
    signature_signer_free(signer);
    if (!signed_it) {
        return error_set(error, "introspection: the private key did not sign");
    }
    add_field(&request->body, "client_id", span_of(provider->introspection.id));
    add_field(&request->body, "client_assertion_type",
              SPAN_LITERAL("urn:ietf:params:oauth:client-assertion-type:jwt-bearer"));
    add_field(&request->body, "client_assertion", buffer_span(&assertion));
    return true;
}

static bool authenticate(const struct provider *provider, const char *url, struct span issuer,
                         int64_t now, struct introspect_request *request, struct error *error)
{
    const struct provider_introspection *ours = &provider->introspection;
    switch (ours->auth) {
    case PROVIDER_AUTH_BASIC:
        return authorize_basic(ours, request, error);
    case PROVIDER_AUTH_POST:
        add_field(&request->body, "client_id", span_of(ours->id));
        add_field(&request->body, "client_secret", span_of(ours->secret));
        return true;
    case PROVIDER_AUTH_KEY:
        return authorize_key(provider, url, issuer, now, request, error);
    case PROVIDER_AUTH_BEARER:
        return authorize_bearer(ours, request, error);
    case PROVIDER_AUTH_NONE:
        if (ours->id != NULL) {
            add_field(&request->body, "client_id", span_of(ours->id));
        }
        return true;
    }
    return false;
}

static void begin(const struct provider *provider, const char *url,
                  struct introspect_request *request)
{
    *request = (struct introspect_request){
        .fetch = {.url = url,
                  .body_type = FORM,
                  .accept = "application/json", /* so nobody signs the answer (RFC 9701, 4) */
                  .ca_file = provider->ca_file,
                  .connect_ms = provider->connect_ms,
                  .total_ms = provider->total_ms,
                  .body_max = INTROSPECT_SIZE_MAX},
        .body = buffer_limited(BODY_MAX),
    };
}

bool introspect_request(const struct provider *provider, const char *url, struct span issuer,
                        const struct secret *token, int64_t now, struct introspect_request *request,
                        struct error *error)
{
    begin(provider, url, request);
    add_field(&request->body, "token", secret_reveal(token));
    add_field(&request->body, "token_type_hint", SPAN_LITERAL("access_token"));
    bool good = authenticate(provider, url, issuer, now, request, error);
    if (good && buffer_full(&request->body)) {
        good = error_set(error, "introspection: the request is too large");
    }
    if (!good) {
        introspect_request_done(request);
        return false;
    }
    request->fetch.body = buffer_span(&request->body);
    return true;
}

void introspect_tokeninfo_request(const struct provider *provider, const struct secret *token,
                                  struct introspect_request *request)
{
    begin(provider, provider->tokeninfo, request);
    add_field(&request->body, "access_token", secret_reveal(token));
    request->fetch.body = buffer_span(&request->body);
}

void introspect_request_done(struct introspect_request *request)
{
    buffer_wipe(&request->body);
    secret_done(&request->authorization);
    request->fetch = (struct fetch_request){0};
}

/* -- the answer -- */

static bool parse(const struct fetch_answer *answer, struct json_view *view, char *bytes,
                  const char **problem)
{
    *problem = "the answer is too large";
    if (answer->body.length > INTROSPECT_SIZE_MAX) {
        return false;
    }
    if (!span_empty(answer->body)) {
        memcpy(bytes, answer->body.at, answer->body.length);
    }
    return json_view_parse(view, bytes, answer->body.length, problem);
}

static struct span media_type(const struct fetch_answer *answer)
{
    struct span type = answer->content_type;
    return span_trim(span_first(type, span_find(type, ';')));
}

/* oidc-provider says so of JWT access tokens for a resource: they are to be proved by their signature. */
static bool is_unsupported(const struct fetch_answer *answer, struct json_view *view, char *bytes)
{
    const char *ignored;
    if (!parse(answer, view, bytes, &ignored)) {
        return false;
    }
    const struct json_view_value *error =
        json_view_member(view, json_view_top(view), SPAN_LITERAL("error"));
    return json_view_kind(error) == JSON_VIEW_TEXT &&
           span_is(error->text, "unsupported_token_type");
}

static bool read_good(const struct provider *provider, enum claims_source source,
                      const struct fetch_answer *answer, struct json_view *view, char *bytes,
                      struct claims *claims, struct verdict *verdict)
{
    const char *problem;
    struct span type = media_type(answer);
    if (!span_is_fold(type, "application/json")) {
        bool is_signed = span_is_fold(type, "application/token-introspection+jwt");
        return verdict_cannot_say(verdict, VERDICT_PROVIDER_NONSENSE,
                                  is_signed ? "the answer is signed (RFC 9701), though JSON was "
                                              "asked for"
                                            : "the answer is not application/json");
    }
    if (!parse(answer, view, bytes, &problem)) {
        return verdict_cannot_say(verdict, VERDICT_PROVIDER_NONSENSE, problem);
    }
    claims_read(provider, source, view, claims);
    return true;
}

/* RFC 7662, 2.3: these speak of us, not of the token. */
static bool refuse_us(const struct fetch_answer *answer, struct json_view *view, char *bytes,
                      struct verdict *verdict)
{
    if (answer->status == 400 && answer->outcome == FETCH_ANSWERED &&
        is_unsupported(answer, view, bytes)) {
        return verdict_refuse(verdict, VERDICT_OPAQUE,
                              "introspection does not speak of such tokens");
    }
    return verdict_cannot_say(verdict, VERDICT_CREDENTIALS,
                              "the introspection endpoint refuses our request or credentials");
}

bool introspect_unsupported(const struct verdict *verdict)
{
    return verdict->answer == VERDICT_REFUSED && verdict->reason == VERDICT_OPAQUE;
}

static bool speaks_of_us(enum claims_source source, int status)
{
    return source == CLAIMS_INTROSPECTION && (status == 400 || status == 401 || status == 403);
}

/* Google's own words for a bad token are a 400. */
static bool speaks_of_token(enum claims_source source, int status)
{
    return source == CLAIMS_TOKENINFO && (status == 400 || status == 401);
}

bool introspect_read(const struct provider *provider, enum claims_source source,
                     const struct fetch_answer *answer, struct json_view *view, char *bytes,
                     struct claims *claims, struct verdict *verdict)
{
    int status = answer->status;
    verdict->status = status;
    if (speaks_of_us(source, status)) {
        return refuse_us(answer, view, bytes, verdict);
    }
    if (speaks_of_token(source, status)) {
        return verdict_refuse(verdict, VERDICT_NOT_VALID, NULL);
    }
    if (answer->outcome == FETCH_FAILED) {
        return verdict_cannot_say(verdict,
                                  status == 200 ? VERDICT_PROVIDER_NONSENSE : VERDICT_UNREACHABLE,
                                  answer->failure);
    }
    if (status != 200) {
        return verdict_cannot_say(verdict, VERDICT_PROVIDER_ERROR,
                                  "a status that this endpoint should not give");
    }
    return read_good(provider, source, answer, view, bytes, claims, verdict);
}
