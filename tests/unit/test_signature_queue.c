/* test_signature_queue.c - signatures are checked in the loop and in threads, each answered once, never too early. */
#include "with_net.h"

#include "base/memory.h"
#include "base/secret.h"
#include "token/signature_queue.h"
#include "wire/jwt.h"

/* RFC 7515, A.2 and RFC 8037, A.4 */
#define RSA_KEY                                                                             \
    "{\"kty\":\"RSA\",\"kid\":\"r\",\"e\":\"AQAB\",\"n\":\""                                \
    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP" \
    "1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63k" \
    "paSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9" \
    "kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXp" \
    "oQ\"}"
#define RSA_SIGNATURE                                                                          \
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W" \
    "2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkS" \
    "jtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnv" \
    "Wh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
#define ED_KEYS                                                                            \
    "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr" \
    "0Zgw\"},"                                                                             \
    "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPc" \
    "HURo\"}"

static const struct span RSA_TEXT =
    SPAN_LITERAL("eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly"
                 "9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ");
static const struct span ED_TEXT =
    SPAN_LITERAL("eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc");

enum { CHECKS = 400 };

struct waiter {
    struct signature_check *check;
    struct signature_queue *again; /* starts another from its callback */
    struct waiter *victim;         /* cancels that one from its callback */
    int answered;
    enum signature_answer answer;
};

static struct loop *loop;
static struct keyset *set;
static struct keyset_found rsa, ed;
static unsigned char rsa_signature[256], ed_signature[64];
static struct waiter waiters[CHECKS];
static int answers;

static void decode(const char *text, unsigned char *out, size_t size)
{
    size_t length;
    assert_true(jwt_base64url_decode(span_of(text), out, size, &length));
    assert_int_equal(length, size);
}

static int set_up(void **state)
{
    struct error error = {{0}};
    (void)state;
    loop = loop_new();
    set = keyset_new(span_of("{\"keys\":[" RSA_KEY "," ED_KEYS "]}"), NULL, &error);
    assert_non_null(set);
    assert_int_equal(keyset_find(set, (struct span){0}, SIGNATURE_RS256, &rsa), KEYSET_FOUND);
    assert_int_equal(keyset_find(set, (struct span){0}, SIGNATURE_EDDSA, &ed), KEYSET_FOUND);
    assert_int_equal(ed.count, 2);
    decode(RSA_SIGNATURE, rsa_signature, sizeof rsa_signature);
    decode("hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
           ed_signature, sizeof ed_signature);
    memset(waiters, 0, sizeof waiters);
    answers = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    keyset_release(set);
    loop_free(loop);
    return 0;
}

static void start(struct signature_queue *queue, struct waiter *waiter, bool good);

static void on_answer(enum signature_answer answer, void *context)
{
    struct waiter *waiter = context;
    assert_non_null(waiter->check); /* start() had returned */
    waiter->answered++;
    waiter->answer = answer;
    waiter->check = NULL;
    answers++;
    if (waiter->victim != NULL) {
        signature_queue_cancel(waiter->victim->check);
        waiter->victim->check = NULL;
    }
    if (waiter->again != NULL) {
        struct signature_queue *queue = waiter->again;
        waiter->again = NULL;
        start(queue, waiter, true);
    }
}

/* What was given is gone when this is back: the queue has copies. */
static void start(struct signature_queue *queue, struct waiter *waiter, bool good)
{
    size_t length = good ? RSA_TEXT.length : RSA_TEXT.length - 1;
    char *text = memory_new(length, 1), *signature = memory_new(sizeof rsa_signature, 1);
    struct keyset_found found = rsa;
    memcpy(text, RSA_TEXT.at, length);
    memcpy(signature, rsa_signature, sizeof rsa_signature);
    waiter->check =
        signature_queue_start(queue, &found, SIGNATURE_RS256, span_bytes(text, length),
                              span_bytes(signature, sizeof rsa_signature), on_answer, waiter);
    memory_free(text);
    memory_free(signature);
}

static void start_many(struct signature_queue *queue, int count)
{
    for (int i = 0; i < count; i++) {
        start(queue, &waiters[i], i % 3 != 0);
    }
}

static void expect_all(int count)
{
    for (int i = 0; i < count; i++) {
        assert_int_equal(waiters[i].answered, 1);
        assert_int_equal(waiters[i].answer, i % 3 != 0 ? SIGNATURE_GOOD : SIGNATURE_BAD);
    }
}

static void test_few_in_the_loop(void **state)
{
    struct signature_queue *queue = signature_queue_new(loop, 1, 100);
    (void)state;
    start_many(queue, 2);
    assert_int_equal(answers, 0);
    assert_int_equal(signature_queue_waiting(queue), 2);
    loop_turn(loop, 0);
    assert_int_equal(answers, 2);
    expect_all(2);
    assert_int_equal(signature_queue_inline(queue), 2);
    assert_int_equal(signature_queue_pooled(queue), 0);
    signature_queue_free(queue);
    signature_queue_free(NULL);
}

/* RFC 8037's key is the second of those that fit. */
static void test_tries_all_found(void **state)
{
    struct signature_queue *queue = signature_queue_new(loop, 0, 100);
    struct keyset_found none = {.count = 0}, first = ed;
    (void)state;
    first.count = 1;
    if (signature_verify(ed.keys[0], SIGNATURE_EDDSA, ED_TEXT,
                         span_bytes(ed_signature, sizeof ed_signature))) {
        first.keys[0] = ed.keys[1];
    }
    const struct keyset_found *keys[] = {&ed, &first, &none};
    for (int i = 0; i < 3; i++) {
        waiters[i].check = signature_queue_start(queue, keys[i], SIGNATURE_EDDSA, ED_TEXT,
                                                 span_bytes(ed_signature, sizeof ed_signature),
                                                 on_answer, &waiters[i]);
    }
    TURN_UNTIL(loop, answers == 3);
    assert_int_equal(waiters[0].answer, SIGNATURE_GOOD);
    assert_int_equal(waiters[1].answer, SIGNATURE_BAD);
    assert_int_equal(waiters[2].answer, SIGNATURE_BAD);
    signature_queue_free(queue);
}

/* Without threads: some each turn, so that sockets have theirs. */
static void test_bounded_turns(void **state)
{
    struct signature_queue *queue = signature_queue_new(loop, 0, CHECKS);
    int turns = 0;
    (void)state;
    start_many(queue, 100);
    while (answers < 100) {
        int before = answers;
        loop_turn(loop, 0);
        assert_true(answers > before && answers <= before + 8);
        turns++;
    }
    assert_int_equal(turns, 13);
    expect_all(100);
    assert_int_equal(signature_queue_inline(queue), 100);
    signature_queue_free(queue);
}

/* The loop takes its share in the first turn, the threads the rest. */
static void test_shared_out(void **state)
{
    struct signature_queue *queue = signature_queue_new(loop, 1, 100);
    (void)state;
    start_many(queue, 7);
    loop_turn(loop, 0);
    assert_int_equal(signature_queue_inline(queue), 4);
    TURN_UNTIL(loop, answers == 7);
    expect_all(7);
    assert_int_equal(signature_queue_pooled(queue), 3);
    signature_queue_free(queue);
}

static void test_many_on_threads(void **state)
{
    (void)state;
    for (unsigned threads = 0; threads <= 3; threads++) {
        struct signature_queue *queue = signature_queue_new(loop, threads, CHECKS);
        memset(waiters, 0, sizeof waiters);
        answers = 0;
        start_many(queue, CHECKS);
        TURN_UNTIL(loop, answers == CHECKS);
        expect_all(CHECKS);
        assert_int_equal(signature_queue_waiting(queue), 0);
        assert_int_equal(signature_queue_inline(queue) + signature_queue_pooled(queue), CHECKS);
        assert_true((signature_queue_pooled(queue) > 0) == (threads > 0));
        signature_queue_free(queue);
    }
}

static void test_busy(void **state)
{
    struct signature_queue *queue = signature_queue_new(loop, 1, 5);
    (void)state;
    start_many(queue, 8);
    waiters[7].again = queue; /* comes again when it hears BUSY */
    signature_queue_cancel(waiters[6].check);
    assert_int_equal(signature_queue_waiting(queue), 5);
    assert_int_equal(answers, 0);
    TURN_UNTIL(loop, answers == 8);
    expect_all(5);
    assert_int_equal(waiters[5].answer, SIGNATURE_BUSY);
    assert_int_equal(waiters[6].answered, 0);
    assert_int_equal(waiters[7].answered, 2);
    signature_queue_free(queue);
}

/* Each is given up at another moment: gathered, handed over, done but not heard of. */
static void test_cancel(void **state)
{
    (void)state;
    for (unsigned threads = 0; threads <= 2; threads++) {
        struct signature_queue *queue = signature_queue_new(loop, threads, CHECKS);
        memset(waiters, 0, sizeof waiters);
        answers = 0;
        start_many(queue, 90);
        int cancelled = 0;
        for (int turn = 0; turn < 30; turn++) {
            for (int i = turn; i < 90; i += 30) {
                cancelled += waiters[i].check != NULL;
                signature_queue_cancel(waiters[i].check);
                waiters[i].check = NULL;
            }
            loop_turn(loop, 0);
        }
        TURN_UNTIL(loop, signature_queue_waiting(queue) == 0);
        assert_int_equal(answers + cancelled, 90);
        assert_true(cancelled >= 3);
        signature_queue_free(queue); /* orphans may still run */
    }
}

static void test_cancel_all_and_free(void **state)
{
    (void)state;
    for (int round = 0; round < 20; round++) {
        struct signature_queue *queue = signature_queue_new(loop, 2, CHECKS);
        start_many(queue, 60);
        loop_turn(loop, 0);
        for (int i = 0; i < 60; i++) {
            signature_queue_cancel(waiters[i].check);
            waiters[i].check = NULL;
        }
        assert_int_equal(signature_queue_waiting(queue), 0);
        signature_queue_free(queue);
    }
    signature_queue_cancel(NULL);
}

/* From a callback: others are given up, new ones are started. */
static void test_callbacks_change_the_queue(void **state)
{
    (void)state;
    for (unsigned threads = 0; threads <= 1; threads++) {
        struct signature_queue *queue = signature_queue_new(loop, threads, CHECKS);
        memset(waiters, 0, sizeof waiters);
        answers = 0;
        for (int i = 0; i < 60; i++) {
            start(queue, &waiters[i], true);
        }
        for (int i = 0; i < 30; i++) {
            waiters[i].victim = &waiters[59 - i];
            waiters[i].again = queue;
        }
        TURN_UNTIL(loop, signature_queue_waiting(queue) == 0);
        for (int i = 0; i < 60; i++) {
            assert_int_equal(waiters[i].answered <= 2, true);
            assert_null(waiters[i].check);
        }
        signature_queue_free(queue);
    }
}

/* The keys outlive their set as long as a check needs them. */
static void test_set_goes_first(void **state)
{
    struct signature_queue *queue = signature_queue_new(loop, 1, CHECKS);
    (void)state;
    start_many(queue, 40);
    keyset_release(set);
    set = NULL;
    TURN_UNTIL(loop, answers == 40);
    expect_all(40);
    signature_queue_free(queue);
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
        CASE(test_few_in_the_loop),
        CASE(test_tries_all_found),
        CASE(test_bounded_turns),
        CASE(test_shared_out),
        CASE(test_many_on_threads),
        CASE(test_busy),
        CASE(test_cancel),
        CASE(test_cancel_all_and_free),
        CASE(test_callbacks_change_the_queue),
        CASE(test_set_goes_first),
    };
    return cmocka_run_group_tests(tests, begin, NULL);
}
