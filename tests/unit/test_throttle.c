/* test_throttle.c - guessing is slowed and stopped; a stale token, its neighbours and webmail are not. */
#include "auth/throttle.h"

#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

static char one[] = "192.0.2.7", network[] = "2001:db8:cafe::/48", old_network[] = "10.0.0.0/8";
static char half[] = "198.51.100.128/25", odd[] = "2001:db8:f000::/36", nonsense[] = "nonsense";
static char *webmail[] = {one, network, old_network, half, odd, nonsense, NULL};

static const struct throttle_settings defaults = {
    .free_failures = 10,
    .stop_failures = 100,
    .window_ms = 600000,
    .delay_max_ms = 4000,
    .entries_max = 1000,
    .trusted = webmail,
};

static struct moment now;

static int setup(void **state)
{
    now = (struct moment){1000};
    *state = throttle_new(&defaults);
    return 0;
}

static int teardown(void **state)
{
    throttle_free(*state);
    return 0;
}

static enum throttle_answer ask(struct throttle *throttle, const char *address, const char *user,
                                int64_t *delay_ms)
{
    return throttle_ask(throttle, now, span_of(address), span_of(user), delay_ms);
}

static bool refused(struct throttle *throttle, const char *address, const char *user,
                    const char *password)
{
    CLEANUP(secret_done) struct secret secret = secret_new(span_of(password));
    return throttle_refused(throttle, now, span_of(address), span_of(user), &secret);
}

static size_t guess(struct throttle *throttle, const char *address, const char *user, size_t count)
{
    size_t counted = 0;
    for (size_t i = 0; i < count; i++) {
        char password[32];
        snprintf(password, sizeof password, "guess-%zu", i);
        counted += refused(throttle, address, user, password);
    }
    return counted;
}

static void expect(struct throttle *throttle, const char *address, const char *user,
                   enum throttle_answer answer, int64_t delay_ms)
{
    int64_t delay = -1;
    assert_int_equal(ask(throttle, address, user, &delay), answer);
    assert_int_equal(delay, delay_ms);
}

/* One phone and its stale token, 300 times: it counts once, its neighbour is not slowed. */
static void test_stale_token(void **state)
{
    struct throttle *throttle = *state;
    for (int i = 0; i < 300; i++) {
        assert_int_equal(refused(throttle, "203.0.113.5", "a@d", "stale"), i == 0);
        now.ms += 1000;
        expect(throttle, "203.0.113.5", "a@d", THROTTLE_GO, 0);
        expect(throttle, "203.0.113.5", "b@d", THROTTLE_GO, 0);
    }
    assert_int_equal(throttle_entries(throttle), 1);
}

/* 300 different guesses: free, then slower and slower, then stopped. */
static void test_guessing(void **state)
{
    struct throttle *throttle = *state;
    static const int64_t delays[] = {500, 1000, 2000, 4000, 4000};
    size_t went = 0, slowed = 0, stopped = 0;
    for (size_t i = 0; i < 300; i++) {
        char password[32];
        int64_t delay = 0;
        switch (ask(throttle, "203.0.113.5", "a@d", &delay)) {
        case THROTTLE_GO:
            went++;
            break;
        case THROTTLE_DELAY:
            assert_int_equal(delay, delays[slowed < 4 ? slowed : 4]);
            slowed++;
            break;
        case THROTTLE_STOP:
            stopped++;
            continue; /* not checked, so not refused */
        }
        snprintf(password, sizeof password, "guess-%zu", i);
        assert_true(refused(throttle, "203.0.113.5", "a@d", password));
    }
    assert_int_equal(went, 10);
    assert_int_equal(slowed, 90);
    assert_int_equal(stopped, 200);
    expect(throttle, "203.0.113.6", "a@d", THROTTLE_GO, 0);
}

/* The same secret of another user is another guess: spraying counts. */
static void test_spraying(void **state)
{
    struct throttle *throttle = *state;
    for (int i = 0; i < 12; i++) {
        char user[32];
        snprintf(user, sizeof user, "user%d@d", i);
        assert_true(refused(throttle, "203.0.113.5", user, "Summer2026!"));
    }
    expect(throttle, "203.0.113.5", "other@d", THROTTLE_DELAY, 2000);
}

/* The parts of a credential do not run into one another. */
static void test_parts(void **state)
{
    struct throttle *throttle = *state;
    assert_true(refused(throttle, "203.0.113.5", "ab", "c"));
    assert_true(refused(throttle, "203.0.113.5", "a", "bc"));
    assert_false(refused(throttle, "203.0.113.5", "a", "bc"));
}

static void test_window(void **state)
{
    struct throttle *throttle = *state;
    assert_int_equal(guess(throttle, "203.0.113.5", "a@d", 100), 100);
    expect(throttle, "203.0.113.5", "a@d", THROTTLE_STOP, 0);
    now.ms += defaults.window_ms - 1;
    expect(throttle, "203.0.113.5", "a@d", THROTTLE_STOP, 0);
    now.ms += 1;
    expect(throttle, "203.0.113.5", "a@d", THROTTLE_GO, 0);
    assert_true(refused(throttle, "203.0.113.5", "a@d", "guess-1"));
    /* A later refusal elsewhere clears away whoever is out of the window. */
    now.ms += defaults.window_ms;
    assert_true(refused(throttle, "203.0.113.9", "a@d", "guess-1"));
    assert_int_equal(throttle_entries(throttle), 1);
}

/* The window slides: each credential leaves it on its own. */
static void test_sliding(void **state)
{
    struct throttle *throttle = *state;
    for (int i = 0; i < 11; i++) {
        char password[32];
        snprintf(password, sizeof password, "guess-%d", i);
        refused(throttle, "203.0.113.5", "a@d", password);
        now.ms += 60000;
    }
    /* 660 s have passed: the first two are older than 600 s. */
    expect(throttle, "203.0.113.5", "a@d", THROTTLE_GO, 0);
    guess(throttle, "203.0.113.5", "b@d", 1);
    expect(throttle, "203.0.113.5", "a@d", THROTTLE_DELAY, 500);
}

static void test_addresses(void **state)
{
    struct throttle *throttle = *state;
    /* IPv6 by /64; IPv4 in either spelling is one address; others of one IPv4 /24 are others. */
    guess(throttle, "2001:db8:1:2::1", "a@d", 100);
    expect(throttle, "2001:db8:1:2:ffff::9", "a@d", THROTTLE_STOP, 0);
    expect(throttle, "2001:db8:1:3::1", "a@d", THROTTLE_GO, 0);
    guess(throttle, "::ffff:203.0.113.5", "a@d", 100);
    expect(throttle, "203.0.113.5", "a@d", THROTTLE_STOP, 0);
    expect(throttle, "203.0.113.4", "a@d", THROTTLE_GO, 0);
}

/* Behind webmail everybody has one address: there each user counts alone. */
static void test_trusted(void **state)
{
    struct throttle *throttle = *state;
    const char *const addresses[] = {"192.0.2.7", "2001:db8:cafe:1::2", "10.200.3.4",      "",
                                     "nonsense",  "198.51.100.129",     "2001:db8:ffff::1"};
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        const char user[] = {(char)('a' + i), '@', 'd', '\0'};
        assert_int_equal(guess(throttle, addresses[i], user, 100), 100);
        expect(throttle, addresses[i], user, THROTTLE_STOP, 0);
        expect(throttle, addresses[i], "z@d", THROTTLE_GO, 0);
    }
    guess(throttle, "192.0.2.8", "a@d", 100);
    expect(throttle, "192.0.2.8", "b@d", THROTTLE_STOP, 0);
    guess(throttle, "2001:db8:caff::1", "a@d", 100);
    expect(throttle, "2001:db8:caff::1", "b@d", THROTTLE_STOP, 0);
    static const char *const others[] = {"11.0.0.1", "198.51.100.127", "2001:db8:efff::1"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        guess(throttle, others[i], "a@d", 100);
        expect(throttle, others[i], "b@d", THROTTLE_STOP, 0);
    }
}

static void test_trusted_texts(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool valid;
    } cases[] = {
        {"192.0.2.1", true},
        {"192.0.2.0/24", true},
        {"0.0.0.0/0", true},
        {"192.0.2.1/32", true},
        {"2001:db8::/32", true},
        {"::1", true},
        {"::/0", true},
        {"2001:db8::1/128", true},
        {"", false},
        {"/8", false},
        {"192.0.2.1/", false},
        {"192.0.2.1/33", false},
        {"192.0.2.1/08", false},
        {"192.0.2.1/-1", false},
        {"192.0.2/24", false},
        {"2001:db8::/129", false},
        {"mail.example", false},
        {"192.0.2.1 ", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (throttle_trusted_valid(span_of(cases[i].text)) != cases[i].valid) {
            fail_msg("\"%s\"", cases[i].text);
        }
    }
}

/* Full: whoever was refused longest ago makes room. */
static void test_bound(void **state)
{
    struct throttle *throttle = *state;
    for (int i = 0; i < 3000; i++) {
        char address[32];
        snprintf(address, sizeof address, "203.%d.%d.1", i / 250, i % 250);
        guess(throttle, address, "a@d", i == 0 || i == 2999 ? 100 : 1);
        now.ms++;
        if (i == 900) { /* the first is refused again, so it stays */
            guess(throttle, "203.0.0.1", "a@d", 1);
        }
    }
    assert_int_equal(throttle_entries(throttle), 1000);
    expect(throttle, "203.11.249.1", "a@d", THROTTLE_STOP, 0);
    expect(throttle, "203.0.0.1", "a@d", THROTTLE_GO, 0);
}

static void test_idle_longest(void **state)
{
    struct throttle *throttle = *state;
    struct throttle_settings small = defaults;
    small.entries_max = 2;
    throttle_configure(throttle, &small);
    guess(throttle, "203.0.113.1", "a@d", 100);
    guess(throttle, "203.0.113.2", "a@d", 100);
    guess(throttle, "203.0.113.1", "a@d", 1);
    guess(throttle, "203.0.113.3", "a@d", 1);
    expect(throttle, "203.0.113.1", "a@d", THROTTLE_STOP, 0);
    expect(throttle, "203.0.113.2", "a@d", THROTTLE_GO, 0);
}

/* 300 phones behind one address, each with an expired token, then with a new one: the office works. */
static void test_office(void **state)
{
    struct throttle *throttle = *state;
    for (int i = 0; i < 300; i++) {
        char user[32];
        snprintf(user, sizeof user, "user%d@d", i);
        expect(throttle, "203.0.113.5", user, THROTTLE_GO, 0);
        assert_true(refused(throttle, "203.0.113.5", user, user));
        throttle_accepted(throttle, span_of("203.0.113.5"), span_of(user));
    }
    assert_int_equal(throttle_entries(throttle), 0);
}

/* Somebody with an account of their own cannot wash away their guesses at others. */
static void test_own_login(void **state)
{
    struct throttle *throttle = *state;
    guess(throttle, "203.0.113.5", "mallory@d", 10);
    now.ms++; /* so that these make room */
    guess(throttle, "203.0.113.5", "victim@d", 50);
    guess(throttle, "203.0.113.5", "", 50);
    throttle_accepted(throttle, span_of("203.0.113.5"), span_of("mallory@d"));
    throttle_accepted(throttle, span_of("203.0.113.5"), span_of(""));
    throttle_accepted(throttle, span_of("203.0.113.6"), span_of("victim@d"));
    expect(throttle, "203.0.113.5", "mallory@d", THROTTLE_STOP, 0);
    throttle_accepted(throttle, span_of("203.0.113.5"), span_of("victim@d"));
    expect(throttle, "203.0.113.5", "mallory@d", THROTTLE_DELAY, 4000);
}

/* A reload keeps what was counted, and new limits hold at once. */
static void test_configure(void **state)
{
    struct throttle *throttle = *state;
    guess(throttle, "203.0.113.5", "a@d", 20);
    expect(throttle, "203.0.113.5", "a@d", THROTTLE_DELAY, 4000);
    struct throttle_settings other = defaults;
    other.stop_failures = 15;
    throttle_configure(throttle, &other);
    expect(throttle, "203.0.113.5", "a@d", THROTTLE_STOP, 0);
    other.stop_failures = 0;
    other.delay_max_ms = 700;
    throttle_configure(throttle, &other);
    guess(throttle, "203.0.113.5", "a@d", 3000);
    expect(throttle, "203.0.113.5", "a@d", THROTTLE_DELAY, 700);
    other.free_failures = 5000;
    throttle_configure(throttle, &other);
    expect(throttle, "203.0.113.5", "a@d", THROTTLE_GO, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_stale_token, setup, teardown),
        cmocka_unit_test_setup_teardown(test_guessing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_spraying, setup, teardown),
        cmocka_unit_test_setup_teardown(test_parts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_window, setup, teardown),
        cmocka_unit_test_setup_teardown(test_office, setup, teardown),
        cmocka_unit_test_setup_teardown(test_own_login, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sliding, setup, teardown),
        cmocka_unit_test_setup_teardown(test_addresses, setup, teardown),
        cmocka_unit_test_setup_teardown(test_trusted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_trusted_texts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bound, setup, teardown),
        cmocka_unit_test_setup_teardown(test_idle_longest, setup, teardown),
        cmocka_unit_test_setup_teardown(test_configure, setup, teardown),
    };
    return cmocka_run_group_tests_name("throttle", tests, NULL, NULL);
}
