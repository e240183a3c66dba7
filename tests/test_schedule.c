// SPDX-License-Identifier: MIT
//
// Numbers of steps, the learning rate of each epoch, the step block.

#include "train/schedule.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct pix_train_options defaults(void)
{
    struct pix_train_options o;
    pix_train_options_init(&o);
    return o;
}

static void assert_near(double actual, double expected)
{
    assert_true(fabs(actual - expected) <= 1e-12 * (1 + fabs(expected)));
}

// The PyTorch port's rule with 100 and 100 epochs.
static void test_factor(void **state)
{
    const struct pix_train_options o = defaults();
    (void)state;
    assert_near(schedule_factor(&o, 1), 1);
    assert_near(schedule_factor(&o, 100), 1);
    assert_near(schedule_factor(&o, 101), 100.0 / 101);
    assert_near(schedule_factor(&o, 150), 51.0 / 101);
    assert_near(schedule_factor(&o, 200), 1.0 / 101);
    assert_near(schedule_factor(&o, 201), 0);
    assert_near(schedule_factor(&o, 100000), 0);
}

static void test_factor_of_short_schedules(void **state)
{
    struct pix_train_options o = defaults();
    (void)state;
    o.n_epochs = 0;
    o.n_epochs_decay = 3;
    assert_near(schedule_factor(&o, 1), 0.75);
    assert_near(schedule_factor(&o, 3), 0.25);
    o.n_epochs = 5;
    o.n_epochs_decay = 0;
    assert_near(schedule_factor(&o, 5), 1);
    assert_near(schedule_factor(&o, 6), 0);
}

static void test_steps(void **state)
{
    struct pix_train_options o = defaults();
    (void)state;
    assert_int_equal(schedule_steps(&o, 400), 80000);
    o.batch_size = 3;
    o.n_epochs = 1;
    o.n_epochs_decay = 1;
    assert_int_equal(schedule_steps(&o, 5), 4);    // 10 samples
    o.batch_size = 64;
    assert_int_equal(schedule_steps(&o, 5), 1);
    o.steps = 7;
    assert_int_equal(schedule_steps(&o, 5), 7);
    assert_int_equal(schedule_all_steps(&o, 5), 1);
    // Larger than 32 bits.
    o = defaults();
    o.n_epochs = 1000000;
    o.n_epochs_decay = 1000000;
    assert_true(schedule_steps(&o, 4000000000u) == UINT64_C(8000000000000000));
}

static void test_block(void **state)
{
    struct pix_train_options o = defaults();
    (void)state;
    o.seed = UINT64_C(0x123456789abcdef0);
    struct step_block b = schedule_block(&o, 1, 1);
    assert_int_equal(b.step, 1);
    assert_int_equal(b.seed_low, 0x9abcdef0u);
    assert_int_equal(b.seed_high, 0x12345678u);
    assert_true(b.lr == 0.0002f);
    assert_true(fabs(b.adam_step_size - 0.0004) < 1e-10);
    assert_true(fabs(b.adam_root - sqrt(0.001)) < 1e-8);

    // After many steps the corrections are gone, and the rate has fallen.
    b = schedule_block(&o, 1000000, 200);
    assert_true(fabs(b.lr - 0.0002 / 101) < 1e-12);
    assert_true(b.adam_step_size == b.lr);
    assert_true(b.adam_root == 1.0f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_factor),
        cmocka_unit_test(test_factor_of_short_schedules),
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
