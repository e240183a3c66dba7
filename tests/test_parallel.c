// SPDX-License-Identifier: MIT
//
// Every job is run once, whatever the threads, and the caller is told how far all are.

#include "base/parallel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = 1000 };

struct work {
    uint8_t runs[MOST];
    size_t count, last, calls;
};

static void run_once(void *user, size_t i)
{
    struct work *w = user;
    w->runs[i]++;
}

static void watch(void *user, size_t done)
{
    struct work *w = user;
    assert_true(done > w->last && done <= w->count);
    w->last = done;
    w->calls++;
}

static void check(size_t count, uint32_t threads)
{
    struct work w = { .count = count };
    const uint32_t used = parallel_run_watched(count, threads, run_once, watch, &w);
    assert_true(used >= 1 && used <= MAX(threads, 1u));
    for (size_t i = 0; i < MOST; i++)
        assert_int_equal(w.runs[i], i < count);
    // Alone, the caller is told after every job.
    if (threads <= 1)
        assert_int_equal(w.calls, count);
    memset(&w, 0, sizeof(w));
    parallel_run(count, threads, run_once, &w);
    for (size_t i = 0; i < MOST; i++)
        assert_int_equal(w.runs[i], i < count);
}

static void test_jobs(void **state)
{
    static const size_t counts[] = { 0, 1, 2, 7, MOST };
    static const uint32_t threads[] = { 0, 1, 2, 5, 200 };
    (void)state;
    for (size_t c = 0; c < ARRAY_LEN(counts); c++)
        for (size_t t = 0; t < ARRAY_LEN(threads); t++)
            check(counts[c], threads[t]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jobs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
