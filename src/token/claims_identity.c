/* claims_identity.c - whose a token is: address, subject, email_verified, hosted domain. */
#include "token/claims_identity.h"

#include "base/buffer.h"
#include "base/memory.h"

#define KEPT ((struct claims_fault){VERDICT_NO_REASON, NULL})

enum { SUBJECT_MAX = 255 }; /* Core, 5.1 */

static struct claims_fault fault(enum verdict_reason reason, const char *detail)
{
    return (struct claims_fault){reason, detail};
}

/* A template must name the claim, or it would make one person of all. */
static bool fill_in(const char *template, struct span claim, struct buffer *out)
{
    struct span text = span_of(template), mark = SPAN_LITERAL("%s");
    size_t at = span_search(text, mark);
    if (at == text.length) {
        return false;
    }
    buffer_add(out, span_first(text, at));
    buffer_add(out, claim);
    buffer_add(out, span_from(text, at + mark.length));
    return !buffer_full(out);
}

static bool parse(const struct provider *provider, struct span claim, struct address *address,
                  struct error *error)
{
    CLEANUP(buffer_done) struct buffer filled = buffer_limited(4 * ADDRESS_MAX);
    if (provider->username_template == NULL) {
        return address_parse(claim, address, error);
    }
    if (!fill_in(provider->username_template, claim, &filled)) {
        return error_set(error, "username_template cannot be filled in");
    }
    return address_parse(buffer_span(&filled), address, error);
}

struct claims_fault claims_identity_address(const struct provider *provider,
                                            const struct claims *claims, struct address *address,
                                            struct error *error)
{
    const struct claims_text *said = &claims->username;
    *address = (struct address){0};
    if (said->presence == CLAIMS_ABSENT) {
        return fault(VERDICT_NO_ADDRESS, "the username claim is missing");
    }
    if (said->presence == CLAIMS_BAD && span_empty(said->text)) {
        return fault(VERDICT_NO_ADDRESS, "the username claim is empty, or no string");
    }
    if (said->presence == CLAIMS_BAD) {
        (void)error_set(error, "a control character");
        return fault(VERDICT_BAD_ADDRESS, "the username claim has a control character");
    }
    return parse(provider, said->text, address, error)
               ? KEPT
               : fault(VERDICT_BAD_ADDRESS, "the username claim is no mail address");
}

struct claims_fault claims_identity_subject(const struct provider *provider,
                                            const struct claims *claims)
{
    const struct claims_text *subject = &claims->subject;
    if (subject->presence == CLAIMS_ABSENT) {
        return provider->email_verified == PROVIDER_EMAIL_TRUST
                   ? KEPT
                   : fault(VERDICT_NO_SUBJECT, "the subject is missing");
    }
    if (subject->presence == CLAIMS_BAD) {
        return fault(VERDICT_NO_SUBJECT, "the subject is no usable string");
    }
    return subject->text.length <= SUBJECT_MAX
               ? KEPT
               : fault(VERDICT_NO_SUBJECT, "the subject is longer than 255 bytes");
}

struct claims_fault claims_identity_hosted(const struct provider *provider,
                                           const struct claims *claims)
{
    const struct claims_text *hosted = &claims->hosted_domain;
    if (!claims_rules_set(provider->hosted_domains)) {
        return KEPT;
    }
    if (hosted->presence == CLAIMS_ABSENT && claims->source == CLAIMS_TOKENINFO) {
        return fault(VERDICT_NO_ADDRESS, "tokeninfo does not name the hosted domain");
    }
    if (hosted->presence != CLAIMS_THERE) {
        return fault(VERDICT_HOSTED_DOMAIN, "hd is missing: a private account");
    }
    for (size_t i = 0; provider->hosted_domains[i] != NULL; i++) {
        if (span_is_fold(hosted->text, provider->hosted_domains[i])) {
            return KEPT;
        }
    }
    return fault(VERDICT_HOSTED_DOMAIN, "hd is none of hosted_domains");
}

/* Is `address` the one in the claim `email`? Mostly it was made of that very text. */
static bool is_email(const struct provider *provider, const struct claims *claims,
                     const struct address *address)
{
    struct address email;
    struct error ignored;
    if (claims->email.presence != CLAIMS_THERE) {
        return false;
    }
    if (provider->username_template == NULL &&
        span_equal(claims->email.text, claims->username.text)) {
        return true;
    }
    return address_parse(claims->email.text, &email, &ignored) && address_equal(&email, address);
}

enum verdict_verified claims_identity_verified(const struct provider *provider,
                                               const struct claims *claims,
                                               const struct address *address)
{
    return is_email(provider, claims, address) ? claims->email_verified : VERIFIED_UNSAID;
}
