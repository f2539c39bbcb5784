/* fuzz_sasl.c - any bytes as SASL messages: what is complete is clean, and written again reads the same. */
#include "fuzz.h"

#include "base/text.h"
#include "wire/json.h"
#include "wire/sasl.h"

static void add_saslname(struct buffer *out, struct span name)
{
    for (size_t i = 0; i < name.length; i++) {
        int byte = span_at(name, i);
        buffer_add_text(out, byte == ',' ? "=2C" : byte == '=' ? "=3D" : "");
        if (byte != ',' && byte != '=') {
            buffer_add_byte(out, name.at[i]);
        }
    }
}

static void add_message(struct buffer *out, enum sasl_mechanism mechanism,
                        const struct sasl_credential *credential)
{
    struct span user = span_of(credential->user);
    if (mechanism == SASL_PLAIN) {
        buffer_add_byte(out, '\0');
        buffer_add(out, user);
        buffer_add_byte(out, '\0');
    } else if (mechanism == SASL_XOAUTH2 && !span_empty(user)) {
        buffer_add_text(out, "user=");
        buffer_add(out, user);
        buffer_add_text(out, "\001auth=Bearer ");
    } else {
        buffer_add_text(out, span_empty(user) ? "n," : "n,a=");
        add_saslname(out, user);
        buffer_add_text(out, ",\001auth=Bearer ");
    }
    buffer_add(out, secret_reveal(&credential->secret));
    buffer_add_text(out, mechanism == SASL_PLAIN ? "" : "\001\001");
}

static enum sasl_answer read_bytes(enum sasl_mechanism mechanism, struct span message,
                                   bool line_limit, struct sasl_credential *credential)
{
    CLEANUP(buffer_wipe) struct buffer base64 = buffer_limited(1024 * 1024);
    text_base64_encode(message, &base64);
    return sasl_read(mechanism, buffer_span(&base64), line_limit, credential);
}

/* The canonical message of what was understood is understood as the same. */
static void check_again(enum sasl_mechanism mechanism, const struct sasl_credential *credential)
{
    CLEANUP(sasl_done) struct sasl_credential again = {0};
    CLEANUP(buffer_wipe) struct buffer message = buffer_limited(1024 * 1024);
    add_message(&message, mechanism, credential);
    enum sasl_answer answer = read_bytes(mechanism, buffer_span(&message), false, &again);
    assert(answer == SASL_COMPLETE && again.kind == credential->kind);
    assert(strcmp(again.user, credential->user) == 0 &&
           secret_equal(&again.secret, &credential->secret));
}

static void check(enum sasl_mechanism mechanism, enum sasl_answer answer,
                  const struct sasl_credential *credential)
{
    bool problem = answer == SASL_MALFORMED || answer == SASL_TRUNCATED || answer == SASL_TOO_LONG;
    assert(problem == (credential->problem != NULL));
    assert((answer == SASL_COMPLETE) == (credential->kind != SASL_NOTHING));
    assert((answer == SASL_COMPLETE) == !secret_empty(&credential->secret));
    assert(text_utf8(span_of(credential->user)));
    for (size_t i = 0; credential->user[i] != '\0'; i++) {
        assert((unsigned char)credential->user[i] >= ' ' && credential->user[i] != 0x7f);
    }
    if (answer != SASL_COMPLETE) {
        return;
    }
    if (credential->kind == SASL_TOKEN) {
        struct span token = secret_reveal(&credential->secret);
        assert(sasl_is_bearer(mechanism) && text_b64token(token) && token.length <= SASL_TOKEN_MAX);
    } else {
        assert(!sasl_is_bearer(mechanism) && credential->secret.length <= SASL_PASSWORD_MAX);
    }
    if (mechanism != SASL_LOGIN) {
        check_again(mechanism, credential);
    }
}

static void check_error_json(struct span text)
{
    CLEANUP(buffer_done) struct buffer out = buffer_limited(1000);
    struct error error;
    sasl_error_json(SPAN_LITERAL("invalid_token"), text, span_from(text, text.length / 2), &out);
    assert(out.length <= 500 && !buffer_full(&out));
    CLEANUP(json_cleanup) struct json *document = json_parse(buffer_span(&out), 500, &error);
    struct span status;
    assert(document != NULL && json_text(document, "status", &status) &&
           span_is(status, "invalid_token"));
}

struct way {
    enum sasl_mechanism mechanism;
    bool line_limit, as_it_is;
};

static enum sasl_answer read_one(const struct way *way, struct span message,
                                 struct sasl_credential *credential)
{
    enum sasl_answer answer =
        way->as_it_is ? sasl_read(way->mechanism, message, way->line_limit, credential)
                      : read_bytes(way->mechanism, message, way->line_limit, credential);
    check(way->mechanism, answer, credential);
    return answer;
}

/* The first byte: mechanism (1, 2, 4), through Postfix (8), base64 as it is (16). LOGIN's second
 * message stands behind a line's end. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const NAMES[] = {"plain", "LOGIN", "OAuthBearer", "XOAUTH2",
                                        "other", "",      "PLAI",        "PLAINX"};
    struct span message, first;
    unsigned choice = fuzz_choice(data, size, &message);
    struct way way = {sasl_find(span_of(NAMES[choice & 7])), choice & 8, choice & 16};
    assert(way.mechanism == SASL_UNKNOWN ||
           sasl_find(span_of(sasl_name(way.mechanism))) == way.mechanism);
    CLEANUP(sasl_done) struct sasl_credential credential = {0};
    struct span rest = message;
    if (way.mechanism != SASL_LOGIN) {
        read_one(&way, message, &credential);
    } else if (span_cut(&rest, '\n', &first) &&
               read_one(&way, first, &credential) == SASL_CONTINUE) {
        read_one(&way, rest, &credential);
    }
    check_error_json(message);
    return 0;
}
