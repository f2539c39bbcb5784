/* sasl.c - the messages of PLAIN, LOGIN, OAUTHBEARER and XOAUTH2, parsed once into one struct. */
#include "wire/sasl.h"

#include "base/memory.h"
#include "base/text.h"
#include "wire/json.h"

#include <assert.h>

enum {
    SEPARATOR = '\001',  /* kvsep of RFC 7628 */
    OVERHEAD_MAX = 4096, /* of a message beside its token or password */
    MESSAGE_MAX = SASL_TOKEN_MAX + OVERHEAD_MAX,
    BASE64_MAX = (MESSAGE_MAX + 2) / 3 * 4,
    CUT_FROM = 2000, /* Postfix cuts at 2,028 with its default line_length_limit */
    ERROR_JSON_MAX = 500,
};

static const char TOO_LONG_MESSAGE[] = "message too long: a token may have 16384 bytes";
static const char TOO_LONG_TOKEN[] = "token longer than 16384 bytes";
static const char TOO_LONG_PASSWORD[] = "password longer than 1024 bytes";
static const char CUT[] = "initial response truncated: raise line_length_limit in Postfix";

static const struct {
    enum sasl_mechanism mechanism;
    const char *name;
} mechanisms[] = {
    {SASL_PLAIN, "PLAIN"},
    {SASL_LOGIN, "LOGIN"},
    {SASL_OAUTHBEARER, "OAUTHBEARER"},
    {SASL_XOAUTH2, "XOAUTH2"},
};

const char *sasl_name(enum sasl_mechanism mechanism)
{
    for (size_t i = 0; i < sizeof mechanisms / sizeof mechanisms[0]; i++) {
        if (mechanisms[i].mechanism == mechanism) {
            return mechanisms[i].name;
        }
    }
    return "unknown";
}

enum sasl_mechanism sasl_find(struct span name)
{
    for (size_t i = 0; i < sizeof mechanisms / sizeof mechanisms[0]; i++) {
        if (span_is_fold(name, mechanisms[i].name)) {
            return mechanisms[i].mechanism;
        }
    }
    return SASL_UNKNOWN;
}

bool sasl_is_bearer(enum sasl_mechanism mechanism)
{
    return mechanism == SASL_OAUTHBEARER || mechanism == SASL_XOAUTH2;
}

static enum sasl_answer malformed(struct sasl_credential *credential, const char *problem)
{
    credential->problem = problem;
    return SASL_MALFORMED;
}

static enum sasl_answer too_long(struct sasl_credential *credential, const char *problem)
{
    credential->problem = problem;
    return SASL_TOO_LONG;
}

static bool control(int byte)
{
    return (byte >= 0 && byte < ' ') || byte == 0x7f;
}

static bool has_controls(struct span text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (control(span_at(text, i))) {
            return true;
        }
    }
    return false;
}

/* NULL, or what is wrong with the name. */
static const char *set_user(struct sasl_credential *credential, struct span user)
{
    if (!text_utf8(user)) {
        return "user name is not UTF-8";
    }
    if (has_controls(user)) {
        return "control byte in the user name";
    }
    return span_fits(user, credential->user, sizeof credential->user) ? NULL : "user name too long";
}

static enum sasl_answer set_password(struct sasl_credential *credential, struct span password)
{
    if (span_empty(password)) {
        return malformed(credential, "empty password");
    }
    if (password.length > SASL_PASSWORD_MAX) {
        return too_long(credential, TOO_LONG_PASSWORD);
    }
    if (span_has(password, '\0')) {
        return malformed(credential, "NUL in the password");
    }
    credential->secret = secret_new(password);
    credential->kind = SASL_PASSWORD;
    return SASL_COMPLETE;
}

/* RFC 4616, 2: message = [authzid] UTF8NUL authcid UTF8NUL passwd */
static enum sasl_answer read_plain(struct span message, struct sasl_credential *credential)
{
    struct span authzid, authcid, password;
    if (!span_cut(&message, '\0', &authzid) || !span_cut(&message, '\0', &authcid) ||
        !span_cut(&message, '\0', &password) || message.at != NULL) {
        return malformed(credential, "PLAIN needs exactly two NULs");
    }
    if (!span_empty(authzid) && !span_equal(authzid, authcid)) {
        return malformed(credential, "authorization identity differs");
    }
    const char *problem = span_empty(authcid) ? "empty user name" : set_user(credential, authcid);
    if (problem != NULL) {
        return malformed(credential, problem);
    }
    return set_password(credential, password);
}

static enum sasl_answer read_login(struct span message, struct sasl_credential *credential)
{
    if (credential->user[0] != '\0') {
        return set_password(credential, message);
    }
    const char *problem = span_empty(message) ? "empty user name" : set_user(credential, message);
    return problem == NULL ? SASL_CONTINUE : malformed(credential, problem);
}

/* RFC 5801, 4: a saslname has "=2C" for "," and "=3D" for "=", and no other "=". */
static const char *set_saslname(struct sasl_credential *credential, struct span name)
{
    char plain[SASL_USER_MAX];
    size_t length = 0;
    while (!span_empty(name)) {
        bool comma = span_starts(name, "=2C"), equals = span_starts(name, "=3D");
        if (span_at(name, 0) == '=' && !comma && !equals) {
            return "bad escape in the authorization identity";
        }
        if (length == sizeof plain) {
            return "user name too long";
        }
        plain[length] = comma ? ',' : equals ? '=' : name.at[0];
        length++;
        name = span_from(name, comma || equals ? 3 : 1);
    }
    return set_user(credential, span_bytes(plain, length));
}

/* RFC 7628, 3.1: gs2-header = gs2-cb-flag "," [authzid] "," before the first kvsep. */
static const char *read_gs2_header(struct span *message, struct sasl_credential *credential)
{
    struct span flag, authzid;
    if (!span_cut(message, ',', &flag) || !span_cut(message, ',', &authzid) ||
        message->at == NULL) {
        return "incomplete GS2 header";
    }
    if (span_starts(flag, "p=")) {
        return "channel binding is not supported";
    }
    if (!span_is(flag, "n") && !span_is(flag, "y")) {
        return "bad GS2 header";
    }
    if (span_at(*message, 0) != SEPARATOR) {
        return "no ^A after the GS2 header";
    }
    *message = span_from(*message, 1);
    if (span_empty(authzid)) {
        return NULL;
    }
    if (!span_starts(authzid, "a=") || authzid.length == 2) {
        return "bad GS2 header";
    }
    return set_saslname(credential, span_from(authzid, 2));
}

/* What the key-value pairs said; what is absent has no address. */
struct pairs {
    struct span user, auth;
};

/* RFC 7628, 3.1: key = 1*ALPHA; value = *(VCHAR / SP / HTAB / CR / LF). Bytes beyond ASCII are let
 * through in values that nobody reads; the user name is judged on its own. */
static const char *take_pair(struct span pair, struct pairs *pairs)
{
    size_t equals = span_find(pair, '=');
    struct span value = span_from(pair, equals + 1);
    if (equals == pair.length || equals == 0) {
        return "pair without a key";
    }
    for (size_t i = 0; i < equals; i++) {
        char letter = span_lower(pair.at[i]);
        if (letter < 'a' || letter > 'z') {
            return "key is not letters";
        }
    }
    for (size_t i = 0; i < value.length; i++) {
        unsigned char byte = (unsigned char)value.at[i];
        if (control(byte) && byte != '\t' && byte != '\r' && byte != '\n') {
            return "control byte in a value";
        }
    }
    struct span *known = span_starts(pair, "user=")   ? &pairs->user
                         : span_starts(pair, "auth=") ? &pairs->auth
                                                      : NULL;
    if (known == NULL) {
        return NULL;
    }
    if (known->at != NULL) {
        return "key given twice";
    }
    *known = value;
    return NULL;
}

/* *(key "=" value kvsep) kvsep, and nothing behind it. */
static const char *read_pairs(struct span message, struct pairs *pairs)
{
    struct span pair;
    while (span_cut(&message, SEPARATOR, &pair)) {
        if (span_empty(pair) && message.at != NULL) {
            return span_empty(message) ? NULL : "data behind the final ^A";
        }
        if (span_empty(pair)) {
            break;
        }
        const char *problem = take_pair(pair, pairs);
        if (problem != NULL) {
            return problem;
        }
    }
    return "no final ^A";
}

/* RFC 7628, 3.1 and RFC 6750, 2.1: auth-scheme 1*SP b64token. */
static enum sasl_answer read_authorization(struct span auth, struct sasl_credential *credential)
{
    if (span_empty(auth)) {
        return SASL_ASKS_CONFIGURATION;
    }
    size_t blank = span_find(auth, ' ');
    if (!span_is_fold(span_first(auth, blank), "Bearer")) {
        return malformed(credential, "scheme is not Bearer");
    }
    struct span token = span_from(auth, blank);
    while (span_at(token, 0) == ' ') {
        token = span_from(token, 1);
    }
    if (token.length > SASL_TOKEN_MAX) {
        return too_long(credential, TOO_LONG_TOKEN);
    }
    if (!text_b64token(token)) {
        return malformed(credential, span_empty(token) ? "no token" : "token is not a b64token");
    }
    credential->secret = secret_new(token);
    credential->kind = SASL_TOKEN;
    return SASL_COMPLETE;
}

/* Either message under either name: a GS2 header begins with a flag of one letter and a comma, or "p=". */
static bool has_gs2_header(struct span message)
{
    return span_at(message, 1) == ',' || span_starts(message, "p=");
}

static enum sasl_answer read_bearer(struct span message, struct sasl_credential *credential)
{
    struct pairs pairs = {0};
    const char *problem = NULL;
    if (span_empty(message)) {
        return malformed(credential, "empty message");
    }
    if (span_is(message, "\001")) {
        return malformed(credential, "nothing but ^A");
    }
    if (span_has(message, '\0')) {
        return malformed(credential, "NUL in the message");
    }
    bool gs2 = has_gs2_header(message);
    if (gs2) {
        problem = read_gs2_header(&message, credential);
    }
    if (problem == NULL) {
        problem = read_pairs(message, &pairs);
    }
    if (problem == NULL && !gs2) {
        problem = span_empty(pairs.user) ? "no user name" : set_user(credential, pairs.user);
    }
    if (problem == NULL && pairs.auth.at == NULL) {
        problem = "no auth";
    }
    return problem == NULL ? read_authorization(pairs.auth, credential)
                           : malformed(credential, problem);
}

static enum sasl_answer read_message(enum sasl_mechanism mechanism, struct span message,
                                     struct sasl_credential *credential)
{
    switch (mechanism) {
    case SASL_PLAIN:
        return read_plain(message, credential);
    case SASL_LOGIN:
        return read_login(message, credential);
    case SASL_OAUTHBEARER:
    case SASL_XOAUTH2:
        return read_bearer(message, credential);
    case SASL_UNKNOWN:
        break;
    }
    return malformed(credential, "unknown mechanism");
}

enum sasl_answer sasl_read(enum sasl_mechanism mechanism, struct span base64, bool line_limit,
                           struct sasl_credential *credential)
{
    CLEANUP(buffer_wipe) struct buffer message = buffer_limited(MESSAGE_MAX);
    assert(credential->kind == SASL_NOTHING);
    credential->problem = NULL;
    if (base64.length > BASE64_MAX) {
        return too_long(credential,
                        sasl_is_bearer(mechanism) ? TOO_LONG_MESSAGE : TOO_LONG_PASSWORD);
    }
    bool decoded = span_empty(base64) || text_base64_decode(base64, &message);
    bool ends = !sasl_is_bearer(mechanism) || span_ends(buffer_span(&message), "\001\001");
    if (line_limit && base64.length >= CUT_FROM && (!decoded || !ends)) {
        credential->problem = CUT;
        return SASL_TRUNCATED;
    }
    if (!decoded) {
        return malformed(credential, "not base64");
    }
    return read_message(mechanism, buffer_span(&message), credential);
}

void sasl_done(struct sasl_credential *credential)
{
    secret_done(&credential->secret);
    secret_wipe(credential->user, sizeof credential->user);
    *credential = (struct sasl_credential){0};
}

static void add_member(struct buffer *json, const char *name, struct span value)
{
    size_t start = json->length;
    if (span_empty(value) || !text_utf8(value)) {
        return;
    }
    buffer_add_byte(json, start == 0 ? '{' : ',');
    json_write_text(span_of(name), json);
    buffer_add_byte(json, ':');
    json_write_text(value, json);
    if (buffer_full(json)) {
        json->length = start;
        json->full = false;
    }
}

void sasl_error_json(struct span status, struct span scope, struct span configuration_url,
                     struct buffer *out)
{
    CLEANUP(buffer_done) struct buffer json = buffer_limited(ERROR_JSON_MAX - 1);
    add_member(&json, "status", status);
    assert(json.length > 0);
    add_member(&json, "scope", scope);
    add_member(&json, "openid-configuration", configuration_url);
    json.limit = ERROR_JSON_MAX;
    buffer_add_byte(&json, '}');
    buffer_add(out, buffer_span(&json));
}
