// SPDX-License-Identifier: MIT
//
// The method of the benchmark: medians and quartiles of known samples, how many samples
// are taken, and what is taken off. Needs no device.

#include "base/base.h"
#include "bench/floor.h"
#include "bench/measure.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void assert_near(double value, double expected)
{
    if (fabs(value - expected) > 1e-12)
        fail_msg("%.15g, expected %.15g", value, expected);
}

static void test_quartiles(void **state)
{
    (void)state;
    static const struct {
        double samples[5];
        uint32_t count;
        double low, median, high;
    } cases[] = {
        { { 3 }, 1, 3, 3, 3 },
        { { 5, 1, 3 }, 3, 2, 3, 4 },
        { { 4, 1, 2, 3 }, 4, 1.75, 2.5, 3.25 },
        { { 9, 1, 1, 1, 2 }, 5, 1, 1, 2 },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        double samples[5];
        struct measurement m;
        for (uint32_t k = 0; k < cases[i].count; k++)
            samples[k] = cases[i].samples[k];
        measure_sum_up(samples, cases[i].count, &m);
        assert_int_equal(m.samples, cases[i].count);
        assert_near(m.low, cases[i].low);
        assert_near(m.median, cases[i].median);
        assert_near(m.high, cases[i].high);
    }
}

struct counter {
    uint32_t runs, failing;
};

static bool run(void *user, double *seconds)
{
    struct counter *c = user;
    c->runs++;
    *seconds = c->runs;
    return c->runs != c->failing;
}

static void test_number_of_samples(void **state)
{
    struct counter few = { 0 }, many = { 0 }, bad = { .failing = 3 };
    struct measurement m;
    (void)state;
    // The first run does not count: 2, 3, 4 are left.
    assert_true(measure_run(run, &few, 0, &m));
    assert_int_equal(few.runs, MEASURE_LEAST + 1);
    assert_int_equal(m.samples, MEASURE_LEAST);
    assert_near(m.median, 3);
    assert_true(measure_run(run, &many, 1e6, &m));
    assert_int_equal(many.runs, MEASURE_MOST + 1);
    assert_int_equal(m.samples, MEASURE_MOST);
    assert_false(measure_run(run, &bad, 1e6, &m));
    assert_int_equal(bad.runs, 3);
}

static void test_net(void **state)
{
    (void)state;
    const struct measure_clock host = { false, 0.25 }, device = { true, 0.25 };
    assert_near(measure_net(&host, 2, 1.5, 1), 1.75);
    assert_near(measure_net(&host, 2, 1.5, 4), 1);
    assert_near(measure_net(&device, 2, 1.5, 1), 1.5);
    // No timestamps in this submission.
    assert_near(measure_net(&device, 2, -1, 1), 1.75);
    // Never nothing, which something is divided by.
    assert_true(measure_net(&host, 0.1, -1, 1) > 0);
}

// Both write whose turn it was to one text.
struct player {
    char **order;
    char name;
    double seconds;
};

static bool play(void *user, double *seconds)
{
    struct player *p = user;
    *(*p->order)++ = p->name;
    *seconds = p->seconds--;
    return true;
}

static void test_turns(void **state)
{
    char text[3 * MEASURE_LEAST] = "", *end = text;
    struct player first = { &end, 'a', 9 }, second = { &end, 'b', 5 };
    struct measure_turn turns[] = { { .once = play, .user = &first },
                                    { .once = play, .user = &second } };
    (void)state;
    assert_true(measure_turns(turns, 2, 0));
    assert_string_equal(text, "abababab");
    // The samples stay in the order of the runs, the first of which does not count.
    for (size_t i = 0; i < MEASURE_LEAST; i++) {
        assert_near(turns[0].seconds[i], 8 - (double)i);
        assert_near(turns[1].seconds[i], 4 - (double)i);
    }
    assert_int_equal(turns[1].result.samples, MEASURE_LEAST);
    assert_near(turns[0].result.median, 7);
    assert_near(turns[1].result.median, 3);
}

static void test_floor(void **state)
{
    const struct rates rates = { { 100, 400, 200 }, 10, 0.5, 0.25 }, none = { 0 };
    enum pix_bench_bound bound;
    struct floor f;
    (void)state;
    // Nothing was measured.
    f = floor_find(&none, &(struct bench_work){ { 10 }, 10, 1, 1 });
    assert_near(floor_longest(&f, &bound), 0);
    f = floor_find(&rates, &(struct bench_work){ { 100, 800, 100 }, 5, 1, 1 });
    assert_near(f.flops, 3.5);
    assert_near(f.bytes, 0.5);
    assert_near(f.launches, 0.5);
    assert_near(floor_longest(&f, &bound), 3.5);
    assert_int_equal(bound, PIX_BENCH_FLOPS);
    f = floor_find(&rates, &(struct bench_work){ { 10 }, 20, 3, 3 });
    assert_near(floor_longest(&f, &bound), 2);
    assert_int_equal(bound, PIX_BENCH_BYTES);
    f = floor_find(&rates, &(struct bench_work){ { 10 }, 20, 6, 4 });
    assert_near(floor_longest(&f, &bound), 2.5);
    assert_int_equal(bound, PIX_BENCH_LAUNCHES);
}

static void test_moved(void **state)
{
    const struct rates a = { { 100, 100, 100 }, 10, 0.5, 0.5 },
                       b = { { 100, 80, 100 }, 9, 0.6, 0.4 };
    (void)state;
    const struct rates faster = rates_faster(&a, &b);
    assert_near(faster.flops[ARITHMETIC_F16], 100);
    assert_near(faster.bytes, 10);
    assert_near(faster.launch, 0.5);
    assert_near(faster.overlapped, 0.4);
    // Only the rate that something depends on, and only by more than 15 %.
    assert_true(rates_moved(&a, &b, PIX_BENCH_FLOPS));
    assert_false(rates_moved(&a, &b, PIX_BENCH_BYTES));
    assert_true(rates_moved(&a, &b, PIX_BENCH_LAUNCHES));
    assert_true(rates_moved(&b, &a, PIX_BENCH_FLOPS));
    assert_false(rates_moved(&a, &a, PIX_BENCH_FLOPS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quartiles), cmocka_unit_test(test_number_of_samples),
        cmocka_unit_test(test_net),       cmocka_unit_test(test_turns),
        cmocka_unit_test(test_floor),     cmocka_unit_test(test_moved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
