/* test_password.c - old hashes are checked, new ones made, costly ones refused, and the loop goes on meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "account/password.h"
#include "base/memory.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* "geheim", as Dovecot's `doveadm pw` and crypt(3) hash it. */
static const char *const HASHES[] = {
    "{SHA512-CRYPT}$6$2.KKki.mThnTo2iU$"
    "BRsn9q1VUuo8AJq6cX8fiaku3OHPpvyKD8gVEdjXXEBdP7yNHiBhVS5skkihh18Cfgj1UnsKJRCH1nimbTrie.",
    "$6$saltsalt$sfZR6YSW/"
    "Dp0uCiyF9fDipa6ORr5LVLOwXNgtzRlXXhkC7xA3w4zy97VIC3vL14AUXGJp3yBjZVztkdiBzJnX1",
    "{sha512-crypt}$6$rounds=1000$saltsalt$vqVEzhF1x7x2p0VCWCzOM1GGIpJ62KqdREyqdHXfkzvqLwi."
    "vIVwX0AcTW9cDubiR4wA.zOlJTle4lioqe99c1",
    "{SHA256-CRYPT}$5$6KDE1Qv7VsZT4W1D$YaVPwmGER72Mi8HJUCOXaBpYZdHrppWnRqZcPJoNAH5",
    "$5$saltsalt$cKRA0A5uaKu0/NNi2WMrB.mMOAVMowckrDNQ4fKUJ06",
    "{BLF-CRYPT}$2y$05$k1rWjj8sY.MZie3t09KDme6K1P1E7BUEU8UgtU6W2IWU/PYL706JG",
    "$2y$05$abcdefghijklmnopqrstuuVWu8RjbNovPZWAMRdd7iqaaG0mI53Uu",
    "{CRYPT}$y$j9T$abcdefgh$GxCeQreerYP7WYNXxV9BftndBRQBXf2528rchsi.eVD",
    "$y$j9T$saltsaltsaltsaltsalt..$nTDw2doObj7cVUbclZiQIa1icgULjGerIHo0bYTDWbC",
    "{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$EFhFiy39c6RJsulFKGpzKQ$7J+H/"
    "yGYUhbniyo847BkWSlfmirHe3+yNw+r5u5WZkc",
    "$argon2id$v=19$m=65536,t=3,p=1$EFhFiy39c6RJsulFKGpzKQ$7J+H/"
    "yGYUhbniyo847BkWSlfmirHe3+yNw+r5u5WZkc",
    "{ARGON2I}$argon2i$v=19$m=32768,t=4,p=1$RuOdUtxZjJKeierXAyapBQ$BAwr38P79OlBBNVKQJocubwbG/3r/"
    "aCAS+NEO9jxCh4",
    "{PBKDF2}$1$pRaSnsbgkiAL9.kz$5000$22eda686b33a67a7c2f2ec4a63dd6210bfb8d8bd",
    "{PBKDF2}$1$saltsalt$1000$4a65827e90405534718864f1da31f5bc9806a4f4",
};
enum { HASHES_COUNT = sizeof HASHES / sizeof HASHES[0] };

/* 100 ms, so that what is being computed shows. */
static const char SLOW[] = "$6$rounds=100000$saltsalt$6by."
                           "yB6hW4y0SNgxjZ1VC4azCHVHM9GSHOkVKKPAvLb3F6NpuX1wUP3Dq80D3KaA7SQBE7u/"
                           "XjaWjNzv4KRBR1";

struct with_password {
    struct loop *loop;
    struct password_checks *checks;
};

static int set_up_with(void **state, unsigned threads, size_t queue_max)
{
    struct with_password *with = MEMORY_NEW(struct with_password);
    const struct password_settings settings = {threads, queue_max};
    with->loop = loop_new();
    with->checks = password_checks_new(with->loop, &settings);
    *state = with;
    return 0;
}

static int set_up(void **state)
{
    return set_up_with(state, 2, 100);
}

static int set_up_narrow(void **state)
{
    return set_up_with(state, 1, 1);
}

static int tear_down(void **state)
{
    struct with_password *with = *state;
    password_checks_free(with->checks);
    loop_free(with->loop);
    memory_free(with);
    return 0;
}

struct heard {
    bool done;
    enum password_answer answer;
    char hash[PASSWORD_HASH_MAX + 1];
};

static void on_checked(enum password_answer answer, void *context)
{
    struct heard *heard = context;
    assert_false(heard->done);
    heard->done = true;
    heard->answer = answer;
}

static void on_made(struct span hash, void *context)
{
    struct heard *heard = context;
    assert_false(heard->done);
    heard->done = true;
    assert_true(span_fits(hash, heard->hash, sizeof heard->hash));
}

static void wait_for(struct with_password *with, const bool *done)
{
    for (int turn = 0; !*done && turn < 300; turn++) {
        loop_turn(with->loop, 100);
    }
    assert_true(*done);
}

static struct password_check *start(struct with_password *with, const char *hash,
                                    struct span password, struct heard *heard)
{
    CLEANUP(secret_done) struct secret secret = secret_new(password);
    return password_check_start(with->checks, span_of(hash), &secret, on_checked, heard);
}

static enum password_answer check_span(struct with_password *with, const char *hash,
                                       struct span password)
{
    struct heard heard = {0};
    start(with, hash, password, &heard);
    assert_false(heard.done);
    wait_for(with, &heard.done);
    return heard.answer;
}

static enum password_answer check(struct with_password *with, const char *hash,
                                  const char *password)
{
    return check_span(with, hash, span_of(password));
}

static void test_every_scheme(void **state)
{
    struct with_password *with = *state;
    for (size_t i = 0; i < HASHES_COUNT; i++) {
        struct error error = {""};
        if (!password_hash_valid(span_of(HASHES[i]), &error)) {
            fail_msg("%s: %s", HASHES[i], error.text);
        }
        assert_int_equal(check(with, HASHES[i], "geheim"), PASSWORD_RIGHT);
        assert_int_equal(check(with, HASHES[i], "Geheim"), PASSWORD_WRONG);
        assert_int_equal(check(with, HASHES[i], "geheim "), PASSWORD_WRONG);
    }
}

/* One letter of the hash itself: nothing but the whole text is the right one. */
static void test_another_hash_is_wrong(void **state)
{
    struct with_password *with = *state;
    char hash[PASSWORD_HASH_MAX + 1];
    for (size_t i = 0; i < HASHES_COUNT; i++) {
        snprintf(hash, sizeof hash, "%s", HASHES[i]);
        size_t at = strlen(hash) - 2;
        hash[at] = hash[at] == '0' ? '1' : '0';
        assert_int_equal(check(with, hash, "geheim"), PASSWORD_WRONG);
    }
}

static void test_odd_passwords_are_wrong(void **state)
{
    struct with_password *with = *state;
    static const char of_nothing[] =
        "$6$rounds=1000$saltsalt$VEHSITfYmhRDpD6t31S9LUhNne.FOx10qNSjfu2skYK5wKPYCkdF/"
        "995SUbfpqIy5BFbEit9G4aDmW4aq4oX9.";
    char longest[PASSWORD_MAX + 1];
    memset(longest, 'a', sizeof longest);
    assert_int_equal(check_span(with, HASHES[1], SPAN_LITERAL("geheim\0x")), PASSWORD_WRONG);
    assert_int_equal(check(with, of_nothing, ""), PASSWORD_WRONG);
    assert_int_equal(check_span(with, HASHES[1], span_bytes(longest, PASSWORD_MAX)),
                     PASSWORD_WRONG);
    assert_int_equal(check_span(with, HASHES[1], span_bytes(longest, PASSWORD_MAX + 1)),
                     PASSWORD_WRONG);
}

static void test_bad_and_costly_hashes_are_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "geheim",
        "{PLAIN}geheim",
        "*",
        "*0",
        "$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/",
        "{MD5-CRYPT}$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/",
        "{SHA512-CRYPT}$5$saltsalt$cKRA0A5uaKu0/NNi2WMrB.mMOAVMowckrDNQ4fKUJ06",
        "{ARGON2ID}$argon2i$v=19$m=32768,t=4,p=1$RuOdUtxZjJKeierXAyapBQ$BAwr38P79OlBBNVKQJocubwbG/"
        "3r/aCAS+NEO9jxCh4",
        "$6$saltsalt$",
        "$6$saltsalt$short",
        "$6$salt:alt$sfZR6YSW/"
        "Dp0uCiyF9fDipa6ORr5LVLOwXNgtzRlXXhkC7xA3w4zy97VIC3vL14AUXGJp3yBjZVztkdiBzJnX1",
        "$6$rounds=500001$saltsalt$sfZR6YSW/"
        "Dp0uCiyF9fDipa6ORr5LVLOwXNgtzRlXXhkC7xA3w4zy97VIC3vL14AUXGJp3yBjZVztkdiBzJnX1",
        "$6$rounds=999999999$saltsalt$sfZR6YSW/"
        "Dp0uCiyF9fDipa6ORr5LVLOwXNgtzRlXXhkC7xA3w4zy97VIC3vL14AUXGJp3yBjZVztkdiBzJnX1",
        "$2y$15$abcdefghijklmnopqrstuuVWu8RjbNovPZWAMRdd7iqaaG0mI53Uu",
        "$2y$31$abcdefghijklmnopqrstuuVWu8RjbNovPZWAMRdd7iqaaG0mI53Uu",
        "$2x$05$abcdefghijklmnopqrstuuVWu8RjbNovPZWAMRdd7iqaaG0mI53Uu",
        "$2y$05$abcdefghijklmnopqrstuuVWu8RjbNovPZWAMRdd7iqaaG0mI53U",
        "$y$jFT$abcdefgh$GxCeQreerYP7WYNXxV9BftndBRQBXf2528rchsi.eVD",
        "$y$j9z$abcdefgh$GxCeQreerYP7WYNXxV9BftndBRQBXf2528rchsi.eVD",
        "$y$j9T/.0$abcdefgh$GxCeQreerYP7WYNXxV9BftndBRQBXf2528rchsi.eVD",
        "$7$CU..../....abcdefgh$GxCeQreerYP7WYNXxV9BftndBRQBXf2528rchsi.eVD",
        "$argon2id$v=19$m=1048576,t=3,p=1$EFhFiy39c6RJsulFKGpzKQ$7J+H/"
        "yGYUhbniyo847BkWSlfmirHe3+yNw+r5u5WZkc",
        "$argon2id$v=19$m=65536,t=100,p=1$EFhFiy39c6RJsulFKGpzKQ$7J+H/"
        "yGYUhbniyo847BkWSlfmirHe3+yNw+r5u5WZkc",
        "$argon2id$v=19$m=65536,t=0,p=1$EFhFiy39c6RJsulFKGpzKQ$7J+H/"
        "yGYUhbniyo847BkWSlfmirHe3+yNw+r5u5WZkc",
        "$argon2id$v=19$m=4,t=3,p=1$EFhFiy39c6RJsulFKGpzKQ$7J+H/"
        "yGYUhbniyo847BkWSlfmirHe3+yNw+r5u5WZkc",
        "$argon2id$v=16$m=65536,t=3,p=1$EFhFiy39c6RJsulFKGpzKQ$7J+H/"
        "yGYUhbniyo847BkWSlfmirHe3+yNw+r5u5WZkc",
        "$argon2id$v=19$m=65536,t=3,p=99$EFhFiy39c6RJsulFKGpzKQ$7J+H/"
        "yGYUhbniyo847BkWSlfmirHe3+yNw+r5u5WZkc",
        "$argon2id$v=19$m=65536,t=3,p=1$EFhFiy39c6RJsulFKGpzKQ",
        "$argon2d$v=19$m=65536,t=3,p=1$EFhFiy39c6RJsulFKGpzKQ$7J+H/"
        "yGYUhbniyo847BkWSlfmirHe3+yNw+r5u5WZkc",
        "$1$saltsalt$1000$4a65827e90405534718864f1da31f5bc9806a4f4",
        "{PBKDF2}$1$saltsalt$1000001$4a65827e90405534718864f1da31f5bc9806a4f4",
        "{PBKDF2}$1$saltsalt$0$4a65827e90405534718864f1da31f5bc9806a4f4",
        "{PBKDF2}$1$saltsalt$1000$4a65827e",
        "{SHA512-CRYPT}",
        "{SHA512-CRYPT",
        "$6$saltsalt$sfZR6YSW/"
        "Dp0uCiyF9fDipa6ORr5LVLOwXNgtzRlXXhkC7xA3w4zy97VIC3vL14AUXGJp3yBjZVztkdiBzJnX1\n",
    };
    struct with_password *with = *state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct error error = {""};
        if (password_hash_valid(span_of(bad[i]), &error)) {
            fail_msg("%s", bad[i]);
        }
        assert_non_null(strstr(error.text, "password hash"));
    }
    /* In the database all the same: as if there were none. */
    assert_int_equal(check(with, "{PLAIN}geheim", "geheim"), PASSWORD_WRONG);
    assert_int_equal(check(with, "$6$rounds=999999999$saltsalt$x", "geheim"), PASSWORD_WRONG);
    char longest[PASSWORD_HASH_MAX + 20];
    memset(longest, 'a', sizeof longest);
    struct error error;
    assert_false(password_hash_valid(span_bytes(longest, sizeof longest), &error));
}

static int64_t cpu_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Nobody learns from the time it takes who exists: work of the same size is done, and it is never right. */
static void test_unknown_user_costs_what_a_known_one_does(void **state)
{
    struct with_password *with = *state;
    int64_t start_ms = cpu_ms();
    assert_int_equal(check(with, SLOW, "geheim"), PASSWORD_RIGHT);
    int64_t known = cpu_ms() - start_ms;
    start_ms = cpu_ms();
    assert_int_equal(check(with, "", "geheim"), PASSWORD_WRONG);
    int64_t unknown = cpu_ms() - start_ms;
    assert_true(known > 10);
    assert_true(unknown > known / 3);
}

static void test_nothing_known_yet(void **state)
{
    struct with_password *with = *state;
    int64_t start_ms = cpu_ms();
    assert_int_equal(check(with, "", "geheim"), PASSWORD_WRONG);
    assert_true(cpu_ms() - start_ms > 2);
}

static void test_new_hashes(void **state)
{
    struct with_password *with = *state;
    struct heard first = {0}, second = {0}, nothing = {0}, nul = {0};
    CLEANUP(secret_done) struct secret secret = secret_new(SPAN_LITERAL("gehe\xc3\xafm"));
    CLEANUP(secret_done) struct secret empty = secret_new(SPAN_LITERAL(""));
    CLEANUP(secret_done) struct secret odd = secret_new(SPAN_LITERAL("a\0b"));
    password_hash_start(with->checks, &secret, on_made, &first);
    password_hash_start(with->checks, &secret, on_made, &second);
    password_hash_start(with->checks, &empty, on_made, &nothing);
    password_hash_start(with->checks, &odd, on_made, &nul);
    assert_false(first.done);
    struct heard *all[] = {&first, &second, &nothing, &nul};
    for (size_t i = 0; i < 4; i++) {
        wait_for(with, &all[i]->done);
    }
    assert_true(span_starts(span_of(first.hash), "{ARGON2ID}$argon2id$v=19$m=19456,t=2,p=1$"));
    assert_string_not_equal(first.hash, second.hash);
    assert_string_equal(nothing.hash, "");
    assert_string_equal(nul.hash, "");
    struct error error;
    assert_true(password_hash_valid(span_of(first.hash), &error));
    assert_int_equal(check(with, first.hash, "gehe\xc3\xafm"), PASSWORD_RIGHT);
    assert_int_equal(check(with, first.hash, "geheim"), PASSWORD_WRONG);
}

/* One thread and one place: whoever finds both taken hears "busy", later, and the loop turns all the while. */
static void test_full_queue_is_busy_and_the_loop_goes_on(void **state)
{
    struct with_password *with = *state;
    struct heard heard[6] = {0}, made = {0};
    CLEANUP(secret_done) struct secret secret = secret_new(SPAN_LITERAL("geheim"));
    for (size_t i = 0; i < 6; i++) {
        start(with, SLOW, SPAN_LITERAL("geheim"), &heard[i]);
        assert_false(heard[i].done);
    }
    password_hash_start(with->checks, &secret, on_made, &made);
    loop_turn(with->loop, 0);
    assert_true(heard[5].done); /* refused in one turn, while the first is being computed */
    assert_int_equal(heard[5].answer, PASSWORD_BUSY);
    assert_true(made.done);
    assert_string_equal(made.hash, "");
    assert_false(heard[0].done);
    int right = 0;
    for (size_t i = 0; i < 6; i++) {
        wait_for(with, &heard[i].done);
        assert_true(heard[i].answer == PASSWORD_RIGHT || heard[i].answer == PASSWORD_BUSY);
        right += heard[i].answer == PASSWORD_RIGHT;
    }
    assert_in_range(right, 1, 2);
    assert_int_equal(password_checks_waiting(with->checks), 0);
}

static void test_cancelled_checks_say_nothing(void **state)
{
    struct with_password *with = *state;
    struct heard running = {0}, waiting = {0}, refused = {0}, dropped = {0}, last = {0};
    CLEANUP(secret_done) struct secret secret = secret_new(SPAN_LITERAL("geheim"));
    struct password_check *checks[] = {start(with, SLOW, SPAN_LITERAL("geheim"), &running),
                                       start(with, SLOW, SPAN_LITERAL("geheim"), &waiting),
                                       start(with, SLOW, SPAN_LITERAL("geheim"), &refused)};
    struct password_hash *hash = password_hash_start(with->checks, &secret, on_made, &dropped);
    for (size_t i = 0; i < 3; i++) {
        password_check_cancel(checks[i]);
    }
    password_hash_cancel(hash);
    password_check_cancel(NULL);
    password_hash_cancel(NULL);
    while (!last.done || last.answer == PASSWORD_BUSY) {
        last = (struct heard){0};
        start(with, HASHES[4], SPAN_LITERAL("geheim"), &last);
        wait_for(with, &last.done);
    }
    assert_int_equal(last.answer, PASSWORD_RIGHT);
    assert_false(running.done || waiting.done || refused.done || dropped.done);
}

static void test_free_drops_what_is_under_way(void **state)
{
    struct with_password *with = *state;
    struct heard heard = {0};
    for (int i = 0; i < 4; i++) {
        start(with, SLOW, SPAN_LITERAL("geheim"), &heard);
    }
    password_checks_free(with->checks);
    loop_turn(with->loop, 0);
    assert_false(heard.done);
    with->checks = NULL;
    password_checks_free(NULL);
}

#define CASE(test, how) cmocka_unit_test_setup_teardown(test, how, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_every_scheme, set_up),
        CASE(test_another_hash_is_wrong, set_up),
        CASE(test_odd_passwords_are_wrong, set_up),
        CASE(test_bad_and_costly_hashes_are_refused, set_up),
        CASE(test_unknown_user_costs_what_a_known_one_does, set_up),
        CASE(test_nothing_known_yet, set_up),
        CASE(test_new_hashes, set_up),
        CASE(test_full_queue_is_busy_and_the_loop_goes_on, set_up_narrow),
        CASE(test_cancelled_checks_say_nothing, set_up_narrow),
        CASE(test_free_drops_what_is_under_way, set_up_narrow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
