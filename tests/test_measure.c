// SPDX-License-Identifier: MIT
//
// The method of the benchmark: medians and quartiles of known samples, how many samples
// are taken, and what is taken off. Needs no device.

#include "base/base.h"
#include "bench/ceiling.h"

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

static void test_share(void **state)
{
    struct ceilings c;
    bool by_bytes;
    (void)state;
    ceilings_init(&c);
    // Nothing was measured.
    assert_near(ceilings_share(&c, 10, 10, 1, &by_bytes), 0);
    c.flops_per_second = 100;
    c.bytes_per_second = 10;
    assert_near(ceilings_share(&c, 100, 5, 2, &by_bytes), 0.5);
    assert_false(by_bytes);
    assert_near(ceilings_share(&c, 10, 5, 2, &by_bytes), 0.25);
    assert_true(by_bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quartiles),
        cmocka_unit_test(test_number_of_samples),
        cmocka_unit_test(test_net),
        cmocka_unit_test(test_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
