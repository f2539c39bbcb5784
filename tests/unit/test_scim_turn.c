/* test_scim_turn.c - who may read everything now: one of each client, four in all, the others in order of arrival. */
#include "scim/scim_turn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

struct world {
    struct loop *loop;
    struct scim_turns *turns;
};

static struct world open_world(void)
{
    struct world world = {.loop = loop_new()};
    world.turns = scim_turns_new(world.loop);
    return world;
}

static void close_world(struct world *world)
{
    scim_turns_free(world->turns);
    loop_free(world->loop);
}

static void on_turn(void *context)
{
    int *told = context;
    (*told)++;
}

static struct scim_turn *start(struct world *world, const char *client, int *told)
{
    return scim_turn_start(world->turns, span_of(client), on_turn, told);
}

static void test_later(void **state)
{
    (void)state;
    struct world world = open_world();
    int told = 0;
    struct scim_turn *turn = start(&world, "a", &told);
    assert_int_equal(told, 0);
    loop_turn(world.loop, 0);
    loop_turn(world.loop, 0);
    assert_int_equal(told, 1);
    scim_turn_end(turn);
    close_world(&world);
}

static void test_one_of_a_client(void **state)
{
    (void)state;
    struct world world = open_world();
    int told[3] = {0};
    struct scim_turn *first = start(&world, "a", &told[0]);
    struct scim_turn *second = start(&world, "a", &told[1]);
    struct scim_turn *other = start(&world, "b", &told[2]);
    loop_turn(world.loop, 0);
    assert_int_equal(told[0], 1);
    assert_int_equal(told[1], 0);
    assert_int_equal(told[2], 1);
    assert_int_equal(scim_turns_waiting(world.turns), 1);
    scim_turn_end(first);
    assert_int_equal(told[1], 0);
    loop_turn(world.loop, 0);
    assert_int_equal(told[1], 1);
    scim_turn_end(second);
    scim_turn_end(other);
    close_world(&world);
}

static void test_some_in_all(void **state)
{
    (void)state;
    struct world world = open_world();
    int told[6] = {0};
    struct scim_turn *turns[6];
    for (int i = 0; i < 6; i++) {
        char client[2] = {(char)('a' + i), '\0'};
        turns[i] = start(&world, client, &told[i]);
    }
    loop_turn(world.loop, 0);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(told[i], i < SCIM_TURNS_RUNNING_MAX);
    }
    scim_turn_end(turns[4]); /* one that waits */
    scim_turn_end(turns[1]);
    loop_turn(world.loop, 0);
    assert_int_equal(told[4], 0);
    assert_int_equal(told[5], 1);
    for (int i = 0; i < 6; i++) {
        if (i != 1 && i != 4) {
            scim_turn_end(turns[i]);
        }
    }
    close_world(&world);
}

static void test_given_and_gone(void **state)
{
    (void)state;
    struct world world = open_world();
    int told = 0;
    scim_turn_end(start(&world, "a", &told)); /* before it heard */
    loop_turn(world.loop, 0);
    assert_int_equal(told, 0);
    scim_turn_end(NULL);
    close_world(&world);
}

static void test_too_many(void **state)
{
    (void)state;
    enum { MOST = SCIM_TURNS_WAITING_MAX + SCIM_TURNS_RUNNING_MAX };
    struct world world = open_world();
    struct scim_turn *turns[MOST] = {0};
    int told = 0, of_a = 0;
    while (of_a < SCIM_TURNS_CLIENT_MAX) {
        turns[of_a] = start(&world, "a", &told);
        assert_non_null(turns[of_a++]);
    }
    assert_null(start(&world, "a", &told));
    for (int i = of_a; i < MOST; i++) {
        char client[16];
        snprintf(client, sizeof client, "c%d", i);
        turns[i] = start(&world, client, &told);
        assert_non_null(turns[i]);
    }
    assert_null(start(&world, "z", &told));
    for (int i = 0; i < MOST; i++) {
        scim_turn_end(turns[i]);
    }
    assert_int_equal(scim_turns_waiting(world.turns), 0);
    close_world(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_later),       cmocka_unit_test(test_one_of_a_client),
        cmocka_unit_test(test_some_in_all), cmocka_unit_test(test_given_and_gone),
        cmocka_unit_test(test_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
