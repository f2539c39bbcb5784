/* test_policy.c - every combination of what can be found out about a login, and each reason once. */
#include "auth/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static char work_name[] = "work", work_domain[] = "example.com";
static char *work_domains[] = {work_domain, NULL};
static struct provider work = {.name = work_name, .domains = work_domains, .binds = true};

static struct address address_of(const char *text)
{
    struct address address = {.local_length = strcspn(text, "@")};
    strcpy(address.text, text);
    return address;
}

static struct account account_of(const char *id, enum account_state state, const char *primary)
{
    struct account account = {.state = state, .primary = address_of(primary)};
    strcpy(account.id, id);
    return account;
}

/* -- tokens: all combinations -- */

enum { BOUND_NOT, BOUND_SAME, BOUND_OTHER_SUBJECT, BOUND_OTHER_PROVIDER, BOUND_KINDS };
enum { NAME_NONE, NAME_SAME, NAME_OTHER, NAME_UNKNOWN, NAME_KINDS };
enum { ACCOUNT_NONE = ACCOUNT_ACTIVE + 1, ACCOUNT_KINDS };

struct token_case {
    int answer, mode, verified, subject, account, bound, name, at_home, store_down, loose;
};

static struct policy_outcome decide_case(const struct token_case *c)
{
    struct verdict verdict = {.answer = (enum verdict_answer)c->answer,
                              .provider = &work,
                              .address = address_of("alice@example.com"),
                              .verified = (enum verdict_verified)c->verified};
    strcpy(verdict.subject, c->subject != 0 ? "s-1" : "");
    work.email_verified = (enum provider_email_verified)c->mode;
    work.binds = c->loose == 0;
    enum account_state state =
        c->account == ACCOUNT_NONE ? ACCOUNT_ACTIVE : (enum account_state)c->account;
    struct account account =
        account_of("1", state, c->at_home != 0 ? "alice@example.com" : "alice@example.org");
    struct account other = account_of("2", ACCOUNT_ACTIVE, "bob@example.com");
    if (c->bound != BOUND_NOT) {
        account.provider = span_of(c->bound == BOUND_OTHER_PROVIDER ? "home" : "work");
        account.subject = span_of(c->bound == BOUND_OTHER_SUBJECT ? "s-2" : "s-1");
    }
    struct policy_facts facts = {
        .verdict = &verdict,
        .store_unavailable = c->store_down != 0,
        .account = c->account == ACCOUNT_NONE ? NULL : &account,
        .name_given = c->name != NAME_NONE,
        .named = c->name == NAME_SAME    ? &account
                 : c->name == NAME_OTHER ? &other
                                         : NULL,
    };
    return policy_decide(&facts);
}

/* The rules in other words than policy.c has for them. */
static bool may_bind(const struct token_case *c)
{
    static const bool by_mail[3][3] = {
        [PROVIDER_EMAIL_REQUIRE] = {[VERIFIED_YES] = true},
        [PROVIDER_EMAIL_IF_PRESENT] = {[VERIFIED_UNSAID] = true, [VERIFIED_YES] = true},
        [PROVIDER_EMAIL_TRUST] = {true, true, true},
    };
    return by_mail[c->mode][c->verified] &&
           (c->loose != 0 || c->subject != 0 || c->mode == PROVIDER_EMAIL_TRUST);
}

static bool may_enter(const struct token_case *c)
{
    bool by_mail = c->bound == BOUND_NOT || c->loose != 0;
    bool known = by_mail ? may_bind(c) : c->bound == BOUND_SAME && c->subject != 0;
    bool named = c->name == NAME_NONE || (c->name == NAME_SAME && c->account != ACCOUNT_NONE);
    return c->answer == VERDICT_ACCEPTED && c->store_down == 0 && c->account == ACCOUNT_ACTIVE &&
           c->at_home != 0 && known && named;
}

static enum decision expected(const struct token_case *c)
{
    if (c->answer == VERDICT_UNAVAILABLE || (c->answer == VERDICT_ACCEPTED && c->store_down != 0)) {
        return DECISION_RETRY_LATER;
    }
    return may_enter(c) ? DECISION_ACCEPT : DECISION_REFUSE;
}

static void check_case(const struct token_case *c)
{
    struct policy_outcome outcome = decide_case(c);
    bool binds = may_enter(c) && c->loose == 0 && c->bound == BOUND_NOT && c->subject != 0;
    if (outcome.decision != expected(c) || outcome.binds != binds) {
        fail_msg("answer %d mode %d verified %d subject %d account %d bound %d name %d home %d "
                 "store %d loose %d: decision %d binds %d",
                 c->answer, c->mode, c->verified, c->subject, c->account, c->bound, c->name,
                 c->at_home, c->store_down, c->loose, (int)outcome.decision, outcome.binds);
    }
    /* Whoever is turned away can read why in the log, except what the verdict itself says. */
    if (outcome.decision != DECISION_ACCEPT && c->answer == VERDICT_ACCEPTED) {
        assert_true(strlen(policy_reason_name(outcome.reason)) > 0);
    }
}

/* Counts like an odometer through all values of all facts. */
static bool next_case(struct token_case *c)
{
    int *const digits[] = {&c->answer, &c->mode, &c->verified, &c->subject,    &c->account,
                           &c->bound,  &c->name, &c->at_home,  &c->store_down, &c->loose};
    static const int bases[] = {3, 3, 3, 2, ACCOUNT_KINDS, BOUND_KINDS, NAME_KINDS, 2, 2, 2};
    for (size_t i = 0; i < sizeof bases / sizeof *bases; i++) {
        (*digits[i])++;
        if (*digits[i] < bases[i]) {
            return true;
        }
        *digits[i] = 0;
    }
    return false;
}

static void test_every_token(void **state)
{
    (void)state;
    struct token_case c = {0};
    int cases = 0, accepted = 0;
    do {
        check_case(&c);
        cases++;
        accepted += may_enter(&c);
    } while (next_case(&c));
    assert_int_equal(cases, 3 * 3 * 3 * 2 * 4 * 4 * 4 * 2 * 2 * 2);
    /* Of two names: unbound 1 + 2 + 3 with a subject, 3 without one; bound 9 with one. Where nobody is
     * bound 1 + 2 + 3 with a subject or without, whatever the account was bound to. */
    assert_int_equal(accepted, 2 * (6 + 3 + 9) + 2 * 2 * 4 * 6);
}

/* -- tokens: each reason, by the one fact that is wrong -- */

static void test_reasons(void **state)
{
    (void)state;
    const struct token_case good = {.answer = VERDICT_ACCEPTED,
                                    .verified = VERIFIED_YES,
                                    .subject = 1,
                                    .account = ACCOUNT_ACTIVE,
                                    .name = NAME_SAME,
                                    .at_home = 1};
    struct {
        struct token_case facts;
        const char *reason;
    } cases[] = {
        {good, "no_account"},
        {good, "no_account"},
        {good, "account_disabled"},
        {good, "token_of_other_account"},
        {good, "token_of_other_account"},
        {good, "account_of_other_domain"},
        {good, "email_not_verified"},
        {good, "email_not_verified"},
        {good, "account_bound_to_other_subject"},
        {good, "account_bound_to_other_subject"},
        {good, "account_bound_to_other_subject"},
        {good, "store_unavailable"},
        {good, ""},
    };
    cases[0].facts.account = ACCOUNT_NONE;
    cases[1].facts.account = ACCOUNT_GONE;
    cases[2].facts.account = ACCOUNT_DISABLED;
    cases[3].facts.name = NAME_OTHER;
    cases[4].facts.name = NAME_UNKNOWN;
    cases[5].facts.at_home = 0;
    cases[6].facts.verified = VERIFIED_NO;
    cases[7].facts.verified = VERIFIED_UNSAID;
    cases[8].facts.bound = BOUND_OTHER_SUBJECT;
    cases[9].facts.bound = BOUND_OTHER_PROVIDER;
    cases[10].facts.subject = 0;
    cases[11].facts.store_down = 1;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct policy_outcome outcome = decide_case(&cases[i].facts);
        assert_string_equal(policy_reason_name(outcome.reason), cases[i].reason);
    }
}

/* Nothing filled in is a refusal, and so is a verdict that names no provider. */
static void test_zero_means_no(void **state)
{
    (void)state;
    struct policy_facts facts = {0};
    assert_int_equal(policy_decide(&facts).decision, DECISION_REFUSE);
    struct account account = account_of("1", ACCOUNT_ACTIVE, "alice@example.com");
    struct verdict verdict = {0};
    facts = (struct policy_facts){.verdict = &verdict, .account = &account};
    assert_int_equal(policy_decide(&facts).decision, DECISION_REFUSE);
    verdict.answer = VERDICT_ACCEPTED;
    assert_int_equal(policy_decide(&facts).decision, DECISION_REFUSE);
}

/* docker-mailserver's own test provider says no `sub`: its two variables must still work. */
static void test_trust_without_subject(void **state)
{
    (void)state;
    struct token_case c = {.answer = VERDICT_ACCEPTED,
                           .mode = PROVIDER_EMAIL_TRUST,
                           .verified = VERIFIED_NO,
                           .account = ACCOUNT_ACTIVE,
                           .name = NAME_SAME,
                           .at_home = 1};
    struct policy_outcome outcome = decide_case(&c);
    assert_int_equal(outcome.decision, DECISION_ACCEPT);
    assert_false(outcome.binds);
    c.bound = BOUND_SAME;
    assert_int_equal(decide_case(&c).decision, DECISION_REFUSE);

    /* Nor does a binding that lacks its subject match a token that lacks one. */
    struct account account = account_of("1", ACCOUNT_ACTIVE, "alice@example.com");
    struct verdict verdict = {.answer = VERDICT_ACCEPTED, .provider = &work};
    struct policy_facts facts = {.verdict = &verdict, .account = &account};
    account.provider = span_of("work");
    assert_int_equal(policy_decide(&facts).decision, DECISION_REFUSE);
}

/* -- passwords -- */

static void test_passwords(void **state)
{
    (void)state;
    struct account account = account_of("1", ACCOUNT_ACTIVE, "alice@example.com");
    for (int i = 0; i < 3 * 2 * ACCOUNT_KINDS; i++) {
        enum password_answer answer = (enum password_answer)(i % 3);
        bool down = i / 3 % 2 != 0;
        int kind = i / 6;
        account.state = kind == ACCOUNT_NONE ? ACCOUNT_ACTIVE : (enum account_state)kind;
        struct policy_facts facts = {.password = answer,
                                     .store_unavailable = down,
                                     .account = kind == ACCOUNT_NONE ? NULL : &account,
                                     .name_given = true};
        struct policy_outcome outcome = policy_decide(&facts);
        enum decision want = answer == PASSWORD_BUSY || down ? DECISION_RETRY_LATER
                             : answer == PASSWORD_RIGHT && kind == ACCOUNT_ACTIVE ? DECISION_ACCEPT
                                                                                  : DECISION_REFUSE;
        assert_int_equal(outcome.decision, want);
        assert_false(outcome.binds);
    }
}

/* -- the way in -- */

static void test_services(void **state)
{
    (void)state;
    enum { ALL = 0, MAIL = ACCOUNT_IMAP | ACCOUNT_SMTP };
    static const struct {
        const char *protocol;
        unsigned services;
        bool no_mailbox;
        enum policy_reason reason; /* POLICY_NO_REASON: may come in */
    } cases[] = {
        {"imap", ALL, false, POLICY_NO_REASON},
        {"", ALL, false, POLICY_NO_REASON},
        {"doveadm", ALL, false, POLICY_NO_REASON},
        {"imap", MAIL, false, POLICY_NO_REASON},
        {"IMAP", MAIL, false, POLICY_NO_REASON},
        {"smtp", MAIL, false, POLICY_NO_REASON},
        {"submission", MAIL, false, POLICY_NO_REASON},
        {"pop3", MAIL, false, POLICY_SERVICE},
        {"sieve", MAIL, false, POLICY_SERVICE},
        {"", MAIL, false, POLICY_SERVICE},
        {"doveadm", MAIL, false, POLICY_SERVICE},
        {"imap ", MAIL, false, POLICY_SERVICE},
        {"sieve", ACCOUNT_SIEVE, false, POLICY_NO_REASON},
        {"managesieve", ACCOUNT_SIEVE, false, POLICY_NO_REASON},
        {"pop3", ACCOUNT_POP3, false, POLICY_NO_REASON},
        {"pop3", ACCOUNT_WEBMAIL, false, POLICY_SERVICE},
        {"imap", ALL, true, POLICY_NO_MAILBOX},
        {"pop3", ALL, true, POLICY_NO_MAILBOX},
        {"sieve", ALL, true, POLICY_NO_MAILBOX},
        {"smtp", ALL, true, POLICY_NO_REASON},
        {"dav", ALL, true, POLICY_NO_REASON},
        {"imap", MAIL, true, POLICY_NO_MAILBOX},
        {"pop3", MAIL, true, POLICY_SERVICE},
    };
    struct verdict verdict = {.answer = VERDICT_ACCEPTED,
                              .provider = &work,
                              .address = address_of("alice@example.com"),
                              .verified = VERIFIED_YES};
    strcpy(verdict.subject, "s-1");
    work.email_verified = PROVIDER_EMAIL_REQUIRE;
    work.binds = true;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct account account = account_of("1", ACCOUNT_ACTIVE, "alice@example.com");
        account.services = cases[i].services;
        account.no_mailbox = cases[i].no_mailbox;
        struct policy_facts facts = {.password = PASSWORD_RIGHT,
                                     .account = &account,
                                     .named = &account,
                                     .name_given = true,
                                     .protocol = span_of(cases[i].protocol)};
        enum decision expected =
            cases[i].reason == POLICY_NO_REASON ? DECISION_ACCEPT : DECISION_REFUSE;
        struct policy_outcome outcome = policy_decide(&facts);
        assert_int_equal(outcome.decision, expected);
        assert_int_equal(outcome.reason, cases[i].reason);
        facts.verdict = &verdict; /* a first login by a token, and later ones */
        outcome = policy_decide(&facts);
        assert_int_equal(outcome.decision, expected);
        assert_int_equal(outcome.reason, cases[i].reason);
        assert_int_equal(outcome.binds, expected == DECISION_ACCEPT);
        account.provider = SPAN_LITERAL("work");
        account.subject = SPAN_LITERAL("s-1");
        assert_int_equal(policy_decide(&facts).decision, expected);
        facts.verdict = NULL; /* who guesses learns nothing */
        facts.password = PASSWORD_WRONG;
        assert_int_equal(policy_decide(&facts).reason, POLICY_WRONG_PASSWORD);
        account.state = ACCOUNT_DISABLED;
        facts.password = PASSWORD_RIGHT;
        assert_int_equal(policy_decide(&facts).reason, POLICY_DISABLED);
    }
    assert_string_equal(policy_reason_name(POLICY_SERVICE), "service_not_allowed");
    assert_string_equal(policy_reason_name(POLICY_NO_MAILBOX), "no_mailbox");
}

static void test_entry(void **state)
{
    (void)state;
    static const struct {
        struct policy_door door;
        enum policy_entry entry;
    } cases[] = {
        {{SASL_UNKNOWN, {0}, true, true, true}, POLICY_ENTRY_MECHANISM},
        {{SASL_PLAIN, {0}, true, false, false}, POLICY_ENTRY_MECHANISM},
        {{SASL_LOGIN, {0}, true, false, false}, POLICY_ENTRY_MECHANISM},
        {{SASL_PLAIN, {0}, true, false, true}, POLICY_ENTRY_OPEN},
        {{SASL_LOGIN, {0}, true, false, true}, POLICY_ENTRY_OPEN},
        {{SASL_OAUTHBEARER, {0}, true, false, false}, POLICY_ENTRY_OPEN},
        {{SASL_XOAUTH2, {0}, true, false, false}, POLICY_ENTRY_OPEN},
        {{SASL_PLAIN, {0}, false, false, true}, POLICY_ENTRY_NEEDS_TLS},
        {{SASL_XOAUTH2, SPAN_LITERAL("127.0.0.1"), false, false, true}, POLICY_ENTRY_NEEDS_TLS},
        {{SASL_XOAUTH2, SPAN_LITERAL("127.0.0.1"), false, true, true}, POLICY_ENTRY_OPEN},
        {{SASL_XOAUTH2, SPAN_LITERAL("127.255.0.9"), false, true, true}, POLICY_ENTRY_OPEN},
        {{SASL_PLAIN, SPAN_LITERAL("::1"), false, true, true}, POLICY_ENTRY_OPEN},
        {{SASL_PLAIN, SPAN_LITERAL("0:0:0:0:0:0:0:1"), false, true, true}, POLICY_ENTRY_OPEN},
        {{SASL_PLAIN, SPAN_LITERAL("::2"), false, true, true}, POLICY_ENTRY_NEEDS_TLS},
        {{SASL_PLAIN, SPAN_LITERAL("128.0.0.1"), false, true, true}, POLICY_ENTRY_NEEDS_TLS},
        {{SASL_PLAIN, SPAN_LITERAL("127.0.0.1.example"), false, true, true},
         POLICY_ENTRY_NEEDS_TLS},
        {{SASL_PLAIN, SPAN_LITERAL("127.1"), false, true, true}, POLICY_ENTRY_NEEDS_TLS},
        {{SASL_PLAIN, SPAN_LITERAL(""), false, true, true}, POLICY_ENTRY_NEEDS_TLS},
        {{SASL_PLAIN, SPAN_LITERAL("localhost"), false, true, true}, POLICY_ENTRY_NEEDS_TLS},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(policy_enter(&cases[i].door), cases[i].entry);
    }
}

/* -- after the binding was written -- */

static void test_bound(void **state)
{
    (void)state;
    struct account active = account_of("1", ACCOUNT_ACTIVE, "alice@example.com");
    struct account ended = account_of("1", ACCOUNT_DISABLED, "alice@example.com");
    const struct {
        struct change_result result;
        enum decision decision;
        enum policy_reason reason;
    } cases[] = {
        {{.answer = CHANGE_DONE, .account = &active}, DECISION_ACCEPT, POLICY_NO_REASON},
        {{.answer = CHANGE_SAME, .account = &active}, DECISION_ACCEPT, POLICY_NO_REASON},
        {{.answer = CHANGE_DONE, .account = &ended}, DECISION_REFUSE, POLICY_DISABLED},
        {{.answer = CHANGE_NOT_FOUND}, DECISION_REFUSE, POLICY_NO_ACCOUNT},
        {{.answer = CHANGE_EXISTS}, DECISION_REFUSE, POLICY_OTHER_SUBJECT},
        {{.answer = CHANGE_REFUSED}, DECISION_REFUSE, POLICY_OTHER_SUBJECT},
        {{.answer = CHANGE_INVALID}, DECISION_RETRY_LATER, POLICY_BINDING_FAILED},
        {{.answer = CHANGE_FAILED}, DECISION_RETRY_LATER, POLICY_BINDING_FAILED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct policy_outcome outcome = policy_bound(&cases[i].result);
        assert_int_equal(outcome.decision, cases[i].decision);
        assert_int_equal(outcome.reason, cases[i].reason);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_token),   cmocka_unit_test(test_reasons),
        cmocka_unit_test(test_zero_means_no), cmocka_unit_test(test_trust_without_subject),
        cmocka_unit_test(test_passwords),     cmocka_unit_test(test_services),
        cmocka_unit_test(test_entry),         cmocka_unit_test(test_bound),
    };
    return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
