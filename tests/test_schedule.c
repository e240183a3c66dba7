// SPDX-License-Identifier: MIT
//
// Numbers of steps, the learning rate of each epoch, the step block.

#include "settings/schedule.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct settings defaults(void)
{
    struct settings s = { 0 };
    pix_train_options_init(&s.options);
    settings_parse(&s);
    return s;
}

static void assert_near(double actual, double expected)
{
    assert_true(fabs(actual - expected) <= 1e-12 * (1 + fabs(expected)));
}

// The PyTorch port's rule with 100 and 100 epochs.
static void test_factor(void **state)
{
    const struct settings s = defaults();
    (void)state;
    assert_near(schedule_factor(&s, 1, NULL), 1);
    assert_near(schedule_factor(&s, 100, NULL), 1);
    assert_near(schedule_factor(&s, 101, NULL), 100.0 / 101);
    assert_near(schedule_factor(&s, 150, NULL), 51.0 / 101);
    assert_near(schedule_factor(&s, 200, NULL), 1.0 / 101);
    assert_near(schedule_factor(&s, 201, NULL), 0);
    assert_near(schedule_factor(&s, 100000, NULL), 0);
}

static void test_factor_of_short_schedules(void **state)
{
    struct settings s = defaults();
    (void)state;
    s.options.n_epochs = 0;
    s.options.n_epochs_decay = 3;
    assert_near(schedule_factor(&s, 1, NULL), 0.75);
    assert_near(schedule_factor(&s, 3, NULL), 0.25);
    s.options.n_epochs = 5;
    s.options.n_epochs_decay = 0;
    assert_near(schedule_factor(&s, 5, NULL), 1);
    assert_near(schedule_factor(&s, 6, NULL), 0);
}

static void test_steps(void **state)
{
    struct settings s = defaults();
    (void)state;
    assert_int_equal(schedule_steps(&s, 400), 80000);
    s.options.batch_size = 3;
    s.options.n_epochs = 1;
    s.options.n_epochs_decay = 1;
    assert_int_equal(schedule_steps(&s, 5), 4);    // 10 samples
    s.options.batch_size = 64;
    assert_int_equal(schedule_steps(&s, 5), 1);
    s.options.steps = 7;
    assert_int_equal(schedule_steps(&s, 5), 7);
    assert_int_equal(schedule_all_steps(&s, 5), 1);
    // Larger than 32 bits.
    s = defaults();
    s.options.n_epochs = 1000000;
    s.options.n_epochs_decay = 1000000;
    assert_true(schedule_steps(&s, 4000000000u) == UINT64_C(8000000000000000));
}

// Numbers of PyTorch's StepLR(3, 0.1) and CosineAnnealingLR(10).
static void test_step_and_cosine(void **state)
{
    struct settings s = defaults();
    (void)state;
    s.lr_policy = LR_STEP;
    s.options.lr_decay_iters = 3;
    const double steps[] = { 1, 1, 1, 0.1, 0.1, 0.1, 0.01, 0.01 };
    for (size_t i = 0; i < ARRAY_LEN(steps); i++)
        assert_near(schedule_factor(&s, i + 1, NULL), steps[i]);

    s.lr_policy = LR_COSINE;
    s.options.n_epochs = 10;
    s.options.n_epochs_decay = 0;
    assert_near(schedule_factor(&s, 1, NULL), 1);
    assert_near(schedule_factor(&s, 3, NULL), 0.9045084971874737);
    assert_near(schedule_factor(&s, 6, NULL), 0.5);
    assert_near(schedule_factor(&s, 10, NULL), 0.024471741852423234);
    assert_near(schedule_factor(&s, 11, NULL), 0);
    assert_near(schedule_factor(&s, 12, NULL), 0);
    s.options.n_epochs = 3;
    s.options.n_epochs_decay = 7;    // more of the same
    assert_near(schedule_factor(&s, 6, NULL), 0.5);
}

// Numbers of PyTorch's ReduceLROnPlateau(factor 0.2, threshold 0.01, patience 5).
static void test_plateau(void **state)
{
    struct settings s = defaults();
    struct schedule_plateau p = SCHEDULE_PLATEAU_START;
    static const double errors[] = { 1.0,  0.9,  0.895, 0.9,  0.9,  0.9,  0.9,  0.9,
                                     0.88, 0.88, 0.88,  0.88, 0.88, 0.88, 0.88, 0.88 };
    (void)state;
    s.lr_policy = LR_PLATEAU;
    assert_near(schedule_factor(&s, 77, NULL), 1);
    for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
        schedule_plateau_update(&p, errors[i], false);
        const double factor = i < 7 ? 1 : i < 14 ? 0.2 : 0.04;
        assert_near(schedule_factor(&s, 1, &p), factor);
    }
}

static void test_block(void **state)
{
    struct settings s = defaults();
    (void)state;
    s.options.seed = UINT64_C(0x123456789abcdef0);
    struct step_block b = schedule_block(&s, 1, 1, NULL);
    assert_int_equal(b.step, 1);
    assert_int_equal(b.seed_low, 0x9abcdef0u);
    assert_int_equal(b.seed_high, 0x12345678u);
    assert_true(b.lr == 0.0002f);
    assert_true(fabs(b.adam_step_size - 0.0004) < 1e-10);
    assert_true(fabs(b.adam_root - sqrt(0.001)) < 1e-8);

    // After many steps the corrections are gone, and the rate has fallen.
    b = schedule_block(&s, 1000000, 200, NULL);
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
        cmocka_unit_test(test_step_and_cosine),
        cmocka_unit_test(test_plateau),
        cmocka_unit_test(test_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
