/* auth_token.c - proof that a running session may sign in once more as its user (DOVECOT-TOKEN). */
#include "mail/auth_token.h"

#include <assert.h>

#include "base/memory.h"
#include "base/text.h"

enum { PARTS = 4, MESSAGE_MAX = 4096 };

void auth_token_make(const struct secret *key, const struct auth_token_claim *claim,
                     struct buffer *out)
{
    const struct span parts[PARTS] = {claim->service, claim->pid, claim->user, claim->session};
    struct digest what = digest_parts(parts, PARTS);
    assert(key->length == AUTH_TOKEN_KEY_SIZE);
    struct digest proof =
        digest_hmac(secret_reveal(key), span_bytes(what.bytes, sizeof what.bytes));
    text_hex_encode(span_bytes(proof.bytes, sizeof proof.bytes), out);
}

static bool read_message(struct span message, struct auth_token_claim *claim, struct span *token)
{
    struct span *const fields[] = {&claim->service, &claim->pid, &claim->user, &claim->session,
                                   token};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (!span_cut(&message, '\0', fields[i])) {
            return false;
        }
    }
    return message.at == NULL && !span_empty(claim->service) && !span_empty(claim->user);
}

bool auth_token_read(const struct secret *key, struct span base64, struct arena *arena,
                     struct auth_token_claim *claim)
{
    CLEANUP(buffer_wipe) struct buffer message = buffer_limited(MESSAGE_MAX);
    CLEANUP(buffer_wipe) struct buffer right = buffer_limited(AUTH_TOKEN_SIZE);
    struct span token;
    if (!text_base64_decode(base64, &message) ||
        !read_message(buffer_span(&message), claim, &token)) {
        return false;
    }
    auth_token_make(key, claim, &right);
    if (!secret_equal_span(buffer_span(&right), token)) {
        return false;
    }
    *claim = (struct auth_token_claim){
        .service = span_copy(arena, claim->service),
        .pid = span_copy(arena, claim->pid),
        .user = span_copy(arena, claim->user),
        .session = span_copy(arena, claim->session),
    };
    return true;
}

enum directory_answer auth_token_account(const struct secret *key, struct directory *directory,
                                         struct span base64, struct arena *arena,
                                         struct auth_token_claim *claim, struct account *account)
{
    struct account_rows_found found;
    struct address name;
    if (key == NULL || !auth_token_read(key, base64, arena, claim) ||
        !directory_login_name(directory, claim->user, &name)) {
        return DIRECTORY_NONE;
    }
    enum directory_answer answer = directory_login(directory, &name, arena, &found);
    if (answer != DIRECTORY_FOUND) {
        return answer;
    }
    *account = found.account;
    return account->state == ACCOUNT_ACTIVE ? DIRECTORY_FOUND : DIRECTORY_NONE;
}
