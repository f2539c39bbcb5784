/* test_token_cache.c - verdicts are found as they were put in, in bounded room, and go when they must. */
#include "with_net.h"

#include "base/memory.h"
#include "base/secret.h"
#include "token/token_cache.h"

enum { NOW = 1000 };

static const struct token_cache_entry GOOD = {
    .answer = VERDICT_ACCEPTED,
    .provider = 3,
    .protocols = 0x15,
    .verified = VERIFIED_YES,
    .fresh = NOW + 60,
    .until = NOW + 600,
    .expires = NOW + 3600,
    .address = SPAN_LITERAL("alice@example.com"),
    .subject = SPAN_LITERAL("1b671a64-40d5-491e-99b0-da01ff1f3341"),
    .session = SPAN_LITERAL("s-1"),
};
static const struct token_cache_entry BAD = {
    .reason = VERDICT_EXPIRED, .provider = 3, .status = 401, .fresh = NOW + 5, .until = NOW + 5};

static struct token_cache *cache;

static int set_up(void **state)
{
    (void)state;
    cache = token_cache_new(1024 * 1024);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    token_cache_free(cache);
    return 0;
}

static struct digest key_of(unsigned number)
{
    return digest_sha256(span_bytes(&number, sizeof number));
}

static bool has(unsigned number)
{
    struct token_cache_entry entry;
    struct digest key = key_of(number);
    return token_cache_lookup(cache, &key, NOW, &entry);
}

static void put(unsigned number, const struct token_cache_entry *entry)
{
    struct digest key = key_of(number);
    token_cache_put(cache, &key, entry);
}

static void same(const struct token_cache_entry *a, const struct token_cache_entry *b)
{
    assert_int_equal(a->answer, b->answer);
    assert_int_equal(a->reason, b->reason);
    assert_int_equal(a->provider, b->provider);
    assert_int_equal(a->protocols, b->protocols);
    assert_int_equal(a->verified, b->verified);
    assert_int_equal(a->status, b->status);
    assert_int_equal(a->fresh, b->fresh);
    assert_int_equal(a->until, b->until);
    assert_int_equal(a->expires, b->expires);
    assert_true(span_equal(a->address, b->address));
    assert_true(span_equal(a->subject, b->subject));
    assert_true(span_equal(a->session, b->session));
}

static void test_as_it_was_put(void **state)
{
    struct token_cache_entry entry;
    struct digest good = key_of(1), bad = key_of(2);
    (void)state;
    assert_false(has(1));
    token_cache_put(cache, &good, &GOOD);
    token_cache_put(cache, &bad, &BAD);
    assert_true(token_cache_lookup(cache, &good, NOW, &entry));
    same(&entry, &GOOD);
    assert_true(token_cache_lookup(cache, &bad, NOW, &entry));
    same(&entry, &BAD);
    /* Replaced, with its own texts; the last value of every kind fits. */
    struct token_cache_entry wide = {.answer = VERDICT_REFUSED,
                                     .reason = VERDICT_REASONS - 1,
                                     .provider = UINT16_MAX,
                                     .protocols = UINT8_MAX,
                                     .verified = VERIFIED_YES,
                                     .status = UINT16_MAX,
                                     .fresh = INT64_MAX,
                                     .until = INT64_MAX,
                                     .expires = INT64_MAX};
    assert_true(token_cache_lookup(cache, &good, NOW, &entry));
    wide.address = entry.subject;
    wide.subject = entry.address;
    token_cache_put(cache, &good, &wide);
    assert_true(token_cache_lookup(cache, &good, NOW, &entry));
    wide.address = GOOD.subject;
    wide.subject = GOOD.address;
    same(&entry, &wide);
    assert_int_equal(token_cache_count(cache), 2);
}

static void test_until(void **state)
{
    struct token_cache_entry entry;
    struct digest key = key_of(1);
    (void)state;
    token_cache_put(cache, &key, &GOOD);
    assert_true(token_cache_lookup(cache, &key, GOOD.until - 1, &entry));
    assert_false(token_cache_lookup(cache, &key, GOOD.until, &entry));
    assert_int_equal(token_cache_count(cache), 0);
}

static void test_purges(void **state)
{
    struct token_cache_entry other_provider = GOOD, other_person = GOOD, plain = GOOD;
    struct digest first = key_of(0);
    (void)state;
    other_provider.provider = 4;
    other_person.address = SPAN_LITERAL("bob@example.com");
    other_person.subject = SPAN_LITERAL("2");
    other_person.session = SPAN_LITERAL("s-2");
    plain.session = (struct span){0};
    put(0, &GOOD), put(1, &other_provider), put(2, &other_person), put(3, &BAD), put(4, &plain);
    assert_int_equal(token_cache_purge_session(cache, 3, GOOD.session), 1);
    assert_false(has(0));
    put(0, &GOOD);
    assert_int_equal(token_cache_purge_session(cache, 3, (struct span){0}), 0);
    assert_int_equal(token_cache_purge_subject(cache, 3, (struct span){0}), 0);
    assert_int_equal(token_cache_purge_address(cache, (struct span){0}), 0);
    assert_int_equal(token_cache_purge_subject(cache, 3, GOOD.subject), 2);
    assert_true(!has(0) && has(1) && has(2) && has(3) && !has(4));
    put(0, &GOOD);
    assert_int_equal(token_cache_purge_address(cache, GOOD.address), 2);
    assert_true(!has(0) && !has(1) && has(2) && has(3));
    put(0, &GOOD), put(1, &other_provider);
    assert_int_equal(token_cache_purge_refused(cache, 4), 0);
    assert_int_equal(token_cache_purge_refused(cache, 3), 1);
    assert_true(has(0) && has(1) && has(2) && !has(3));
    assert_int_equal(token_cache_purge_provider(cache, 3), 2);
    assert_true(!has(0) && has(1) && !has(2));
    put(0, &GOOD);
    assert_true(token_cache_purge_token(cache, &first));
    assert_false(token_cache_purge_token(cache, &first));
    token_cache_clear(cache);
    assert_int_equal(token_cache_count(cache), 0);
    assert_int_equal(token_cache_bytes(cache), 0);
}

static void test_bounded(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        put(i, &GOOD);
        assert_true(has(i));
        assert_true(token_cache_bytes(cache) <= 1024 * 1024);
    }
    size_t full = token_cache_count(cache);
    assert_true(full > 1024 * 1024 / 200 && full < 20000);
    assert_int_equal(token_cache_evicted(cache), 20000 - full);
    token_cache_resize(cache, 100 * 1024);
    assert_true(token_cache_bytes(cache) <= 100 * 1024);
    assert_true(token_cache_count(cache) > 400);
    put(1, &GOOD);
    assert_true(has(1));
    token_cache_resize(cache, 64);
    assert_int_equal(token_cache_count(cache), 0);
    put(1, &GOOD); /* too large: not kept */
    assert_false(has(1));
    assert_true(token_cache_bytes(cache) <= 64);
    token_cache_resize(cache, 1024 * 1024);
    put(1, &GOOD);
    assert_true(has(1));
}

/* What the issue aims at: with its texts, the slots and malloc()'s own, at every fill. */
static void test_small(void **state)
{
    struct token_cache_entry entry = GOOD;
    (void)state;
    entry.address = SPAN_LITERAL("someone1@example.com");
    entry.session = (struct span){0};
    token_cache_resize(cache, 64 * 1024 * 1024);
    for (unsigned i = 0; i < 30000; i++) {
        put(i, &entry);
        size_t count = token_cache_count(cache);
        assert_true(count < 100 || token_cache_bytes(cache) < 200 * count);
    }
}

/* Those who come again stay, however many come once. */
static void test_second_chance(void **state)
{
    unsigned left = 0;
    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        put(i, &GOOD);
    }
    for (unsigned i = 1000; i < 60000; i++) {
        put(i, &BAD);
        if (i % 4 == 0) {
            (void)has(i / 4 % 1000);
        }
    }
    for (unsigned i = 0; i < 1000; i++) {
        left += has(i);
    }
    assert_true(left > 950);
}

/* -- against a list that does the same -- */

enum { KEYS = 300 };
static struct {
    bool there;
    struct token_cache_entry entry;
} model[KEYS];

static const char *const people[] = {"a@example.com", "b@example.com", "c@example.com"};
static const char *const sessions[] = {"", "s", "t"};

static struct token_cache_entry random_entry(void)
{
    bool good = random() % 3 > 0;
    long who = random() % 3;
    struct token_cache_entry entry = {.answer = good ? VERDICT_ACCEPTED : VERDICT_REFUSED,
                                      .reason = good ? VERDICT_NO_REASON : VERDICT_SIGNATURE,
                                      .provider = (uint16_t)(random() % 3),
                                      .fresh = NOW,
                                      .until = NOW + random() % 50};
    entry.address = span_of(good ? people[who] : "");
    entry.subject = span_of(good ? people[random() % 3] : "");
    entry.session = span_of(good ? sessions[random() % 3] : "");
    return entry;
}

static size_t model_purge(int what, uint16_t provider, struct span text)
{
    size_t gone = 0;
    for (int i = 0; i < KEYS; i++) {
        const struct token_cache_entry *entry = &model[i].entry;
        bool match = what == 0   ? entry->provider == provider
                     : what == 1 ? entry->provider == provider && span_equal(entry->subject, text)
                     : what == 2 ? entry->provider == provider && span_equal(entry->session, text)
                     : what == 3 ? span_equal(entry->address, text)
                                 : entry->provider == provider && entry->answer == VERDICT_REFUSED;
        if (model[i].there && match) {
            model[i].there = false;
            gone++;
        }
    }
    return gone;
}

static size_t cache_purge(int what, uint16_t provider, struct span text)
{
    return what == 0   ? token_cache_purge_provider(cache, provider)
           : what == 1 ? token_cache_purge_subject(cache, provider, text)
           : what == 2 ? token_cache_purge_session(cache, provider, text)
           : what == 3 ? token_cache_purge_address(cache, text)
                       : token_cache_purge_refused(cache, provider);
}

static void random_step(void)
{
    unsigned i = (unsigned)(random() % KEYS);
    struct digest key = key_of(i);
    struct token_cache_entry entry;
    long dice = random() % 1000;
    if (dice < 400) {
        model[i].there = true;
        model[i].entry = random_entry();
        token_cache_put(cache, &key, &model[i].entry);
    } else if (dice < 900) {
        int64_t now = NOW + random() % 50;
        model[i].there = model[i].there && now < model[i].entry.until;
        assert_int_equal(token_cache_lookup(cache, &key, now, &entry), model[i].there);
        if (model[i].there) {
            same(&entry, &model[i].entry);
        }
    } else if (dice < 990) {
        assert_int_equal(token_cache_purge_token(cache, &key), model[i].there);
        model[i].there = false;
    } else {
        int what = (int)(random() % 5);
        uint16_t provider = (uint16_t)(random() % 3);
        struct span text = span_of(what == 2 ? sessions[1 + random() % 2] : people[random() % 3]);
        assert_int_equal(cache_purge(what, provider, text), model_purge(what, provider, text));
    }
}

static void test_model(void **state)
{
    (void)state;
    srandom(4711);
    memset(model, 0, sizeof model);
    for (int step = 0; step < 200000; step++) {
        random_step();
        size_t count = 0;
        for (int i = 0; step % 50 == 0 && i < KEYS; i++) {
            count += model[i].there;
        }
        assert_true(step % 50 != 0 || count == token_cache_count(cache));
    }
    assert_int_equal(token_cache_evicted(cache), 0);
}

/* In little room: what is found is right, and the bound holds, whatever went. */
static void test_model_in_little_room(void **state)
{
    (void)state;
    srandom(4712);
    token_cache_resize(cache, 9000);
    memset(model, 0, sizeof model);
    for (int step = 0; step < 100000; step++) {
        unsigned i = (unsigned)(random() % KEYS);
        struct digest key = key_of(i);
        struct token_cache_entry entry;
        if (random() % 2 == 0) {
            model[i].there = true;
            model[i].entry = random_entry();
            token_cache_put(cache, &key, &model[i].entry);
        } else if (token_cache_lookup(cache, &key, NOW, &entry)) {
            assert_true(model[i].there);
            same(&entry, &model[i].entry);
        }
        if (step % 5000 == 0) {
            token_cache_resize(cache, 3000 + (size_t)random() % 9000);
        }
        assert_true(token_cache_bytes(cache) <= 12000);
    }
    assert_true(token_cache_evicted(cache) > 1000);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static int begin(void **state)
{
    (void)state;
    return secret_init() ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_as_it_was_put), CASE(test_until),
        CASE(test_purges),        CASE(test_bounded),
        CASE(test_small),         CASE(test_second_chance),
        CASE(test_model),         CASE(test_model_in_little_room),
    };
    return cmocka_run_group_tests(tests, begin, NULL);
}
