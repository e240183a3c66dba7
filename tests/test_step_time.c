// SPDX-License-Identifier: MIT
//
// The time of a step over made-up ends of steps.

#include "train/step_time.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

// Every step takes a second, but some ends are seen late: with the end of the next one,
// or shortly before it.
static void test_late(void **state)
{
    static const double late[] = { 0.9998, 0.9, 0.5 };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(late); i++) {
        struct step_time t = { 0 };
        double before = 0;
        for (int step = 1; step <= 50; step++) {
            const double seen = step + (step % 9 == 0 ? late[i] : 0);
            const double mean = step_time_add(&t, seen - before);
            if (step > (int)STEP_TIME_STEPS && (mean < 0.85 || mean > 1.15))
                fail_msg("step %d, seen %g late: %g", step, late[i], mean);
            before = seen;
        }
    }
}

static void test_mean(void **state)
{
    struct step_time t = { 0 };
    (void)state;
    // The first step is known alone.
    assert_true(step_time_add(&t, 30) == 30);
    assert_true(step_time_add(&t, 2) == 2);
    assert_true(step_time_add(&t, 4) == 3);
    for (int i = 0; i < 5; i++)
        step_time_add(&t, 6);
    assert_true(step_time_add(&t, 6) == (2 + 4 + 6 * 6) / 8.0);
    assert_true(step_time_add(&t, 6) == (4 + 7 * 6) / 8.0);
    assert_true(step_time_add(&t, 6) == 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_late),
        cmocka_unit_test(test_mean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
