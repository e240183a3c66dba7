// SPDX-License-Identifier: MIT
//
// Detectors of runs that go wrong, over made-up sequences of numbers.

#include "train/health.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// The step at which it is said that D has won, 0 if it is not, where G's loss goes from
// one number to another over 5000 steps and D's is near a number, but for one stretch.
struct fight {
    enum gan_mode gan;
    double d, g_first, g_last;
    uint64_t break_from, break_to;
};

static uint64_t fight(const struct fight *f, struct health_warning *w)
{
    struct health h;
    uint64_t said = 0;
    health_init(&h, f->gan, PIX_METRIC_L1);
    for (uint64_t step = 1; step <= 5000; step++) {
        const bool is_break = step >= f->break_from && step < f->break_to;
        const double noise = step % 2 ? 1.5 : 0.5, d = (is_break ? 0.5 : f->d) * noise;
        const struct health_losses losses = {
            .d_real = d,
            .d_fake = d / 2,
            .g_gan = (f->g_first + (f->g_last - f->g_first) * (double)step / 5000),
            .g_l1 = 10,
        };
        struct health_warning other;
        if (health_add_step(&h, step, &losses, said ? &other : w)) {
            assert_int_equal(said, 0);    // once
            said = step;
        }
    }
    return said;
}

static void test_discriminator(void **state)
{
    static const struct {
        struct fight f;
        uint64_t said;
    } cases[] = {
        { { GAN_VANILLA, 0.004, 5, 9, 0, 0 }, 2000 },
        { { GAN_VANILLA, 0.004, 5, 9, 700, 900 }, 3000 },    // from step 1001 on
        { { GAN_VANILLA, 0.004, 5, 5, 0, 0 }, 0 },           // G's loss does not grow
        { { GAN_VANILLA, 0.004, 9, 5, 0, 0 }, 0 },
        { { GAN_VANILLA, 0.004, 1, 2, 0, 0 }, 0 },    // nor is it large
        { { GAN_VANILLA, 0.1, 5, 9, 0, 0 }, 0 },      // the usual case
        { { GAN_LSGAN, 0.002, 0.9, 0.95, 0, 0 }, 2000 },
        { { GAN_LSGAN, 0.002, 0.4, 0.5, 0, 0 }, 0 },
        { { GAN_HINGE, 0.002, 1.1, 4, 0, 0 }, 2000 },
        { { GAN_HINGE, 0.3, 1.1, 4, 0, 0 }, 0 },
        { { GAN_WGANGP, -50, 5, 90, 0, 0 }, 0 },
        { { GAN_NONE, NAN, NAN, NAN, 0, 0 }, 0 },
        { { GAN_VANILLA, NAN, 5, 9, 0, 0 }, 0 },
    };
    struct health_warning w;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const uint64_t said = fight(&cases[i].f, &w);
        if (said != cases[i].said)
            fail_msg("case %zu: said at step %d", i, (int)said);
    }
    assert_int_equal(fight(&cases[0].f, &w), 2000);
    assert_non_null(strstr(w.text, "since step 1 "));
    assert_true(w.sign == HEALTH_D_WON && w.step == 2000);
    assert_non_null(strstr(w.text, "0.004"));
    assert_int_equal(fight(&cases[1].f, &w), 3000);
    assert_non_null(strstr(w.text, "since step 1001 "));
}

// The step at which something is said of looks every `every` steps, 0 if nothing is.
// One look, `other`, is what a good run shows.
static uint64_t watch(const struct health_look *look, uint64_t every, uint64_t other,
                      struct health_warning *w)
{
    static const struct health_look good = { 60, 70, 30, 25, 30 };
    struct health h;
    uint64_t said = 0;
    health_init(&h, GAN_VANILLA, PIX_METRIC_L1);
    for (uint64_t step = every; step <= 10 * every; step += every) {
        struct health_warning again;
        if (health_add_look(&h, step, step == other ? &good : look,
                            said ? &again : w)) {
            assert_int_equal(said, 0);
            said = step;
        }
    }
    return said;
}

static void test_looks(void **state)
{
    const struct health_look colour = { 1, 70, 30, 1, 30 };
    const struct health_look same = { 60, 70, 30, 1, 30 };
    const struct health_look silent[] = {
        { 60, 70, 30, 25, 30 },       // a good run
        { 20, 70, 30, 9, 30 },        // one that has learned little
        { 0, 0, 30, 25, 30 },         // targets of one colour
        { 60, 70, 0, 0, 30 },         // inputs that are all the same
        { 60, 70, 30, 0, 0 },         // targets
        { 60, 70, NAN, NAN, NAN },    // one image
        { NAN, 70, 30, NAN, 30 },     // numbers that are not finite
    };
    struct health_warning w;
    (void)state;
    assert_int_equal(watch(&colour, 500, 0, &w), 1500);
    assert_non_null(strstr(w.text, "one colour since step 500 "));
    assert_true(w.sign == HEALTH_ONE_COLOUR && w.step == 1500);
    assert_non_null(strstr(w.text, "1.4 %"));
    assert_int_equal(watch(&colour, 500, 1000, &w), 2500);
    assert_non_null(strstr(w.text, "since step 1500 "));
    // Not by the first steps alone.
    assert_int_equal(watch(&colour, 20, 0, &w), 120);
    assert_int_equal(watch(&colour, 1, 0, &w), 0);
    assert_int_equal(watch(&same, 500, 0, &w), 1500);
    assert_non_null(strstr(w.text, "depends on its input since step 500 "));
    assert_non_null(strstr(w.text, "3.3 %"));
    assert_true(w.sign == HEALTH_SAME_OUTPUT && w.step == 1500);
    for (size_t i = 0; i < ARRAY_LEN(silent); i++)
        if (watch(&silent[i], 500, 0, &w))
            fail_msg("look %zu: %s", i, w.text);
}

// Grey outputs, while the target is now a busy and now a calm one.
static void test_between_looks(void **state)
{
    const struct health_look looks[] = { { 1, 70, 30, 1, 30 }, { 1, 20, 30, 1, 30 } };
    struct health_warning w = { .text = "" };
    struct health h;
    (void)state;
    health_init(&h, GAN_VANILLA, PIX_METRIC_L1);
    for (uint64_t i = 1; i <= 10 && !w.text[0]; i++)
        if (health_add_look(&h, 500 * i, &looks[i % 2], &w))
            assert_int_equal(i, 3);
    assert_non_null(strstr(w.text, "depends on its input since step 500 "));
}

// The validation after which overfitting is said, from 1; 0: none. Ten steps each.
static uint64_t validate(enum pix_metric judge, const double *scores, const double *l1,
                         size_t count, struct health_warning *w)
{
    struct health h;
    uint64_t said = 0, step = 0;
    health_init(&h, GAN_LSGAN, judge);
    for (size_t i = 0; i < count; i++) {
        struct health_warning again;
        for (int k = 0; k < 10; k++) {
            const struct health_losses losses = { 0.25, 0.25, 0.25,
                                                  l1[i] + (k % 2 ? 1 : -1) };
            assert_false(health_add_step(&h, ++step, &losses, &again));
        }
        if (health_add_validation(&h, step, scores[i], said ? &again : w)) {
            assert_int_equal(said, 0);
            said = i + 1;
        }
    }
    return said;
}

static void test_validations(void **state)
{
    static const double falls[] = { 20, 18, 16, 14, 13, 12, 11, 10, 9 };
    static const double stays[] = { 20, 18, 18, 18, 18, 18, 18, 18, 18 };
    static const double turns[] = { .2, .1, .104, .101, .106, .103, .11, .11, .12 };
    static const double noise[] = { .2, .1, .101, .101, .1, .101, .101, .101, .101 };
    static const double better[] = { .2, .1, .11, .11, .11, .099, .11, .11, .11 };
    static const double psnr[] = { 18, 21, 20.8, 20.7, 20.9, 20.6, 20.1, 20, 20 };
    static const double broken[] = { NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN };
    static const double endless[] = { 18, INFINITY, 18, 18, 18, 18, 18, 18, 18 };
    struct health_warning w;
    (void)state;
    assert_int_equal(validate(PIX_METRIC_L1, turns, falls, 9, &w), 7);
    assert_non_null(strstr(w.text, "since step 20 "));
    assert_true(w.sign == HEALTH_OVERFIT && w.step == 70);
    assert_non_null(strstr(w.text, "l1 0.1, now 0.11"));
    assert_non_null(strstr(w.text, "(18, now 11)"));
    assert_non_null(strstr(w.text, "--best l1"));
    assert_non_null(strstr(w.text, "--patience"));
    assert_int_equal(validate(PIX_METRIC_L1, turns, stays, 9, &w), 0);
    assert_int_equal(validate(PIX_METRIC_L1, noise, falls, 9, &w), 0);
    assert_int_equal(validate(PIX_METRIC_L1, better, falls, 9, &w), 0);
    assert_int_equal(validate(PIX_METRIC_L1, broken, falls, 9, &w), 0);
    assert_int_equal(validate(PIX_METRIC_L1, turns, broken, 9, &w), 0);
    assert_int_equal(validate(PIX_METRIC_PSNR, psnr, falls, 9, &w), 7);
    assert_non_null(strstr(w.text, "psnr 21, now 20.1"));
    assert_int_equal(validate(PIX_METRIC_PSNR, endless, falls, 9, &w), 0);
    // Larger is better: the same numbers rise.
    assert_int_equal(validate(PIX_METRIC_PSNR, falls, falls, 9, &w), 6);
    assert_int_equal(validate(PIX_METRIC_L1, falls, falls, 9, &w), 0);
}

// The step at which it is said that the mean colour is as good, where the scores of
// validations every `every` steps are below it by `gain`, but for one. 0: it is not.
static uint64_t compare(double gain, uint64_t every, uint64_t other,
                        struct health_warning *w)
{
    struct health h;
    uint64_t said = 0;
    health_init(&h, GAN_VANILLA, PIX_METRIC_PSNR);
    for (uint64_t step = every; step <= 4000; step += every) {
        struct health_warning again;
        const double l1 = step == other ? 0.2 : 0.31 - gain;
        if (health_add_baseline(&h, step, l1, 0.31, said ? &again : w)) {
            assert_int_equal(said, 0);
            said = step;
        }
    }
    return said;
}

static void test_baseline(void **state)
{
    struct health_warning w;
    (void)state;
    assert_int_equal(compare(-0.03, 170, 0, &w), 1020);
    assert_true(w.sign == HEALTH_MEAN_COLOUR && w.step == 1020);
    assert_non_null(strstr(w.text, "since step 170 "));
    assert_non_null(strstr(w.text, "(now 0.34)"));
    assert_non_null(strstr(w.text, "(0.31)"));
    assert_non_null(strstr(w.text, "lower --lr"));
    assert_int_equal(compare(0, 170, 0, &w), 1020);    // as good is no better
    assert_int_equal(compare(0.001, 170, 0, &w), 0);
    assert_int_equal(compare(NAN, 170, 0, &w), 0);
    assert_int_equal(compare(-0.03, 500, 0, &w), 1500);
    assert_int_equal(compare(-0.03, 170, 1020, &w), 1530);
    assert_non_null(strstr(w.text, "since step 1190 "));
    assert_int_equal(compare(-0.03, 2000, 0, &w), 0);

    // A run that learns slowly.
    struct health h;
    health_init(&h, GAN_VANILLA, PIX_METRIC_L1);
    for (uint64_t i = 1; i <= 20; i++)
        assert_false(health_add_baseline(&h, 170 * i, pow(0.98, (double)i), 0.31, &w));
}

static void test_left_out(void **state)
{
    struct health h;
    struct health_warning w;
    struct health_scales s = { { 0, 0 }, { 65536, 65536 } };
    (void)state;
    health_init(&h, GAN_VANILLA, PIX_METRIC_L1);
    // D finds its scale; G's updates are left out, with one made in between.
    for (uint64_t step = 1; step <= 40; step++) {
        s.skipped[0] += step < 15;
        s.skipped[1] += step != 20;
        const bool said = health_add_scales(&h, step, &s, &w);
        assert_int_equal(said, step == 40);
    }
    assert_true(w.sign == HEALTH_LEFT_OUT && w.step == 40);
    assert_non_null(strstr(w.text, "the last 20 updates of the generator"));
    s.skipped[1]++;
    assert_false(health_add_scales(&h, 41, &s, &w));

    // After a resume, what was left out before is none of those in a row.
    health_init(&h, GAN_VANILLA, PIX_METRIC_L1);
    for (uint64_t step = 101; step <= 121; step++) {
        assert_int_equal(health_add_scales(&h, step, &s, &w), step == 121);
        s.skipped[1]++;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_discriminator), cmocka_unit_test(test_looks),
        cmocka_unit_test(test_between_looks), cmocka_unit_test(test_validations),
        cmocka_unit_test(test_baseline),      cmocka_unit_test(test_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
