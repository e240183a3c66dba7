// SPDX-License-Identifier: MIT
//
// The generator against its published sequence, and the distributions made from it.

#include "base/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

// Seed 42, sequence 54: the values that the author of PCG prints for pcg32.
static void test_sequence(void **state)
{
    static const uint32_t expected[] = { 0xa15c02b7, 0x7b47f409, 0xba1d3330,
                                         0x83d2f293, 0xbfa4784b, 0xcbed606e };
    struct random r;
    (void)state;
    random_init(&r, 42, 54);
    for (size_t i = 0; i < ARRAY_LEN(expected); i++)
        assert_int_equal(random_u32(&r), expected[i]);
}

// A copy of the state continues like the original.
static void test_saved_state(void **state)
{
    struct random r, copy;
    (void)state;
    random_init(&r, 1, 2);
    random_normal(&r);
    copy = r;
    for (int i = 0; i < 100; i++)
        assert_true(random_normal(&r) == random_normal(&copy));
    assert_memory_equal(&r, &copy, sizeof(r));
}

// Skipping is drawing without looking, also the numbers of a distribution.
static void test_skip(void **state)
{
    static const uint32_t counts[] = { 0, 1, 2, 3, 64, 1000, 65537 };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        struct random drawn, skipped;
        random_init(&drawn, 5, 6);
        skipped = drawn;
        for (uint32_t k = 0; k < counts[i]; k++)
            random_u32(&drawn);
        random_skip(&skipped, counts[i]);
        assert_memory_equal(&drawn, &skipped, sizeof(drawn));
        for (uint32_t k = 0; k < 10; k++)
            random_normal(&drawn);
        random_skip(&skipped, 10 * RANDOM_NORMAL_DRAWS);
        assert_memory_equal(&drawn, &skipped, sizeof(drawn));
    }
    // The whole period of 2^64 comes back to where it began.
    struct random r, start;
    random_init(&r, 5, 6);
    start = r;
    random_skip(&r, UINT64_MAX);
    random_skip(&r, 1);
    assert_memory_equal(&r, &start, sizeof(r));
}

static void test_streams_differ(void **state)
{
    struct random a, b, c;
    int same_sequence = 0, same_seed = 0;
    (void)state;
    random_init(&a, 7, 1);
    random_init(&b, 7, 2);
    random_init(&c, 8, 1);
    for (int i = 0; i < 1000; i++) {
        uint32_t x = random_u32(&a);
        same_seed += x == random_u32(&b);
        same_sequence += x == random_u32(&c);
    }
    assert_true(same_seed <= 1 && same_sequence <= 1);
}

static void test_below(void **state)
{
    static const uint32_t bounds[] = { 1, 2, 3, 10, 31 };
    struct random r;
    (void)state;
    random_init(&r, 3, 0);
    for (size_t b = 0; b < ARRAY_LEN(bounds); b++) {
        uint32_t hits[31] = { 0 }, bound = bounds[b];
        for (int i = 0; i < 31000; i++) {
            uint32_t x = random_below(&r, bound);
            assert_true(x < bound);
            hits[x]++;
        }
        for (uint32_t x = 0; x < bound; x++) {    // five standard deviations
            double mean = 31000.0 / bound;
            assert_true(fabs(hits[x] - mean) <= 5 * sqrt(mean));
        }
    }
    // Taken modulo without rejection, a third of all numbers would be drawn twice as
    // often: the lower half would get 2/3 of the draws.
    int low = 0;
    for (int i = 0; i < 10000; i++)
        low += random_below(&r, 0xc0000000) < 0x60000000;
    assert_in_range(low, 4750, 5250);
}

static void test_uniform_and_normal(void **state)
{
    enum { COUNT = 100000 };
    struct random r;
    double sum = 0, normal_sum = 0, normal_squares = 0, cubes = 0;
    int beyond_two = 0;
    (void)state;
    random_init(&r, 5, 0);
    for (int i = 0; i < COUNT; i++) {
        double u = random_uniform(&r);
        assert_true(u >= 0.0 && u < 1.0);
        sum += u;
        double n = random_normal(&r);
        assert_true(isfinite(n));
        normal_sum += n;
        normal_squares += n * n;
        cubes += n * n * n;
        beyond_two += fabs(n) > 2.0;
    }
    assert_true(fabs(sum / COUNT - 0.5) < 0.005);
    assert_true(fabs(normal_sum / COUNT) < 0.02);
    assert_true(fabs(normal_squares / COUNT - 1.0) < 0.03);
    assert_true(fabs(cubes / COUNT) < 0.08);
    assert_true(fabs((double)beyond_two / COUNT - 0.0455) < 0.005);
}

static void test_shuffle(void **state)
{
    enum { COUNT = 5, ROUNDS = 20000 };
    uint32_t places[COUNT][COUNT] = { { 0 } };
    struct random r;
    (void)state;
    random_init(&r, 9, 0);
    for (int round = 0; round < ROUNDS; round++) {
        uint32_t items[COUNT] = { 0, 1, 2, 3, 4 }, seen = 0;
        random_shuffle(&r, items, COUNT);
        for (uint32_t i = 0; i < COUNT; i++) {
            assert_true(items[i] < COUNT);
            seen |= 1u << items[i];
            places[i][items[i]]++;
        }
        assert_int_equal(seen, 31);
    }
    for (int i = 0; i < COUNT; i++) {
        for (int j = 0; j < COUNT; j++)
            assert_in_range(places[i][j], ROUNDS / COUNT - 300, ROUNDS / COUNT + 300);
    }
    random_shuffle(&r, NULL, 0);
    uint32_t one = 77;
    random_shuffle(&r, &one, 1);
    assert_int_equal(one, 77);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sequence), cmocka_unit_test(test_saved_state),
        cmocka_unit_test(test_skip),     cmocka_unit_test(test_streams_differ),
        cmocka_unit_test(test_below),    cmocka_unit_test(test_uniform_and_normal),
        cmocka_unit_test(test_shuffle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
