/* credential.c - what a client signs in with, from its messages to a name and a secret. */
#include "auth/credential.h"

#include "base/memory.h"
#include "base/text.h"

void credential_take(struct credential *credential, struct span base64, bool initial)
{
    credential->initial = initial;
    credential->too_long = base64.length > CREDENTIAL_MESSAGE_MAX;
    secret_done(&credential->message);
    if (!credential->too_long) {
        credential->message = secret_new(base64);
    }
}

void credential_give(struct credential *credential, const struct secret *token)
{
    credential->given = true;
    credential->too_long = token->length > SASL_TOKEN_MAX;
    secret_done(&credential->message);
    if (!credential->too_long) {
        credential->message = secret_copy(token);
    }
}

/* What sasl_read() could not read, told apart: base64 or its contents. */
static enum credential_answer unreadable(const struct credential *credential)
{
    CLEANUP(buffer_wipe) struct buffer ignored = buffer_limited(CREDENTIAL_MESSAGE_MAX);
    return text_base64_decode(secret_reveal(&credential->message), &ignored)
               ? CREDENTIAL_MALFORMED
               : CREDENTIAL_NOT_BASE64;
}

static enum credential_answer complete(struct credential *credential,
                                       const struct directory *directory)
{
    credential->kind = credential->sasl.kind;
    credential->name_given = !span_empty(credential->user);
    credential->name_valid = credential->name_given &&
                             directory_login_name(directory, credential->user, &credential->name);
    return CREDENTIAL_COMPLETE;
}

static enum credential_answer judge(struct credential *credential, enum sasl_answer answer,
                                    const struct directory *directory)
{
    switch (answer) {
    case SASL_MALFORMED:
        return unreadable(credential);
    case SASL_TRUNCATED:
        return CREDENTIAL_TRUNCATED;
    case SASL_TOO_LONG:
        return CREDENTIAL_TOO_LONG;
    case SASL_ASKS_CONFIGURATION:
        return CREDENTIAL_ASKS_CONFIGURATION;
    case SASL_CONTINUE:
        return CREDENTIAL_CONTINUE;
    case SASL_COMPLETE:
        return complete(credential, directory);
    }
    return CREDENTIAL_MALFORMED;
}

static enum credential_answer read_given(struct credential *credential)
{
    if (!text_b64token(secret_reveal(&credential->message))) {
        credential->problem = "no token, or one with characters that no token has";
        return CREDENTIAL_MALFORMED;
    }
    credential->kind = credential->sasl.kind = SASL_TOKEN;
    credential->sasl.secret = credential->message;
    credential->message = (struct secret){0};
    return CREDENTIAL_COMPLETE;
}

enum credential_answer credential_read(struct credential *credential, enum sasl_mechanism mechanism,
                                       bool line_limit, const struct directory *directory,
                                       struct arena *arena)
{
    if (credential->too_long) {
        credential->problem = "message longer than any token may be";
        return CREDENTIAL_TOO_LONG;
    }
    if (credential->given) {
        return read_given(credential);
    }
    enum sasl_answer answer = sasl_read(mechanism, secret_reveal(&credential->message),
                                        line_limit && credential->initial, &credential->sasl);
    credential->problem = credential->sasl.problem;
    credential->user = span_copy(arena, span_of(credential->sasl.user));
    enum credential_answer judged = judge(credential, answer, directory);
    secret_done(&credential->message);
    return judged;
}

struct span credential_user(const struct credential *credential)
{
    return credential->name_valid ? address_span(&credential->name) : credential->user;
}

const struct address *credential_name(const struct credential *credential)
{
    return credential->name_valid ? &credential->name : NULL;
}

void credential_wipe(struct credential *credential)
{
    secret_done(&credential->message);
    sasl_done(&credential->sasl);
}
