// SPDX-License-Identifier: MIT
//
// What the modes of --preprocess make of images of any size, beside Pillow and NumPy.

#include "data/fitting.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "data/picture_file.h"
#include "support/size.h"

#ifndef TEST_FIXTURES
#define TEST_FIXTURES "tests/support/fixtures"
#endif

static const char *const names[] = {
    [FIT_RESIZE] = "resize",         [FIT_CROP] = "crop",   [FIT_WIDTH] = "width",
    [FIT_WIDTH_CROP] = "width_crop", [FIT_WHOLE] = "whole",
};

static struct picture read_fixture(const char *folder, const char *name)
{
    char path[512];
    struct picture p;
    struct reason reason;
    snprintf(path, sizeof(path), TEST_FIXTURES "/%s/%s.png", folder, name);
    if (!picture_read(path, &p, &reason))
        fail_msg("%s: %s", path, reason.text);
    return p;
}

// Filters may round otherwise by one; what is only moved is equal.
static void check_same(const char *name, const struct picture *p, const struct fit *fit)
{
    struct picture expected = read_fixture("fitting", name);
    const int most = fit->mode == FIT_CROP || fit->mode == FIT_WHOLE ? 0 : 1;
    assert_size(picture_size(p), expected.width, expected.height);
    for (size_t i = 0; i < picture_bytes(p); i++)
        if (abs((int)picture_sample(p, i) - (int)picture_sample(&expected, i)) > most)
            fail_msg("%s: sample %zu is %g, not %g", name, i, picture_sample(p, i),
                     picture_sample(&expected, i));
    picture_free(&expected);
}

static void test_golden(void **state)
{
    static const struct {
        const char *image;
        enum fit_mode mode;
        struct pix_size load, crop;
    } cases[] = {
        { "noise", FIT_RESIZE, { 47, 19 }, { 44, 16 } },
        { "noise", FIT_WIDTH, { 23, 23 }, { 23, 20 } },
        { "noise", FIT_WIDTH, { 47, 47 }, { 47, 24 } },
        { "noise", FIT_WIDTH_CROP, { 50, 50 }, { 44, 40 } },
        { "noise", FIT_WIDTH_CROP, { 61, 61 }, { 33, 21 } },
        { "noise", FIT_CROP, { 0, 0 }, { 17, 13 } },
        { "noise", FIT_CROP, { 0, 0 }, { 64, 16 } },
        { "noise", FIT_CROP, { 0, 0 }, { 41, 97 } },
        { "noise", FIT_WHOLE, { 0, 0 }, { 40, 30 } },
        { "noise", FIT_WHOLE, { 0, 0 }, { 48, 32 } },
        { "dot", FIT_WIDTH_CROP, { 3, 3 }, { 3, 5 } },
        { "dot", FIT_CROP, { 0, 0 }, { 4, 3 } },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        for (int centred = 0; centred < 2; centred++) {
            const struct fit fit = { cases[i].mode, cases[i].load, cases[i].crop,
                                     RESIZE_BICUBIC, centred };
            char name[64];
            if (centred && fit.mode == FIT_RESIZE)
                continue;
            snprintf(name, sizeof(name), "%s_in", cases[i].image);
            struct picture p = read_fixture("images", name);
            assert_true(fit_apply(&fit, fit_scaled_size(&fit, picture_size(&p)), &p));
            snprintf(name, sizeof(name), "%s_%s_%ux%u_%ux%u%s", cases[i].image,
                     names[fit.mode], (unsigned)fit.load.width,
                     (unsigned)fit.load.height, (unsigned)fit.crop.width,
                     (unsigned)fit.crop.height,
                     fit_is_whole(&fit) && fit.mode != FIT_RESIZE ? "_middle" : "");
            check_same(name, &p, &fit);
            if (fit_is_whole(&fit))
                assert_true(size_equals(picture_size(&p), fit_sample_size(&fit)));
            picture_free(&p);
        }
}

// The port's numbers, rounded down.
static void test_scaled(void **state)
{
    static const struct {
        uint32_t width;
        struct pix_size in;
        uint32_t height;
    } cases[] = {
        { 512, { 1000, 500 }, 256 },  { 512, { 1000, 333 }, 170 },
        { 512, { 333, 1000 }, 1537 }, { 10, { 1000, 3 }, 1 },
        { 286, { 256, 256 }, 286 },   { 32768, { 1, 32768 }, 1073741824 },
        { 7, { 7, 13 }, 13 },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct fit fit = { FIT_WIDTH, SQUARE(cases[i].width), { 32, 32 } };
        assert_size(fit_scaled_size(&fit, cases[i].in), cases[i].width,
                    cases[i].height);
    }
}

static void test_refused(void **state)
{
    static const struct {
        enum fit_mode mode;
        struct pix_size a, b;
        bool halves, centred;
        const char *message;    // NULL: can be used
        bool is_b;
    } cases[] = {
        { FIT_RESIZE, { 9, 40 }, { 300, 2 }, false, false, NULL, false },
        { FIT_WIDTH, { 9, 40 }, { 30, 20 }, false, false, NULL, false },
        { FIT_CROP, { 40, 30 }, { 40, 30 }, false, false, NULL, false },
        { FIT_CROP,
          { 40, 30 },
          { 41, 30 },
          false,
          false,
          "is 41x30 and its partner 40x30, which must be equal",
          true },
        { FIT_CROP,
          { 40, 30 },
          { 41, 30 },
          true,
          false,
          "has halves of 40 and 41 columns",
          false },
        { FIT_WHOLE, { 32, 31 }, { 32, 31 }, false, false, NULL, false },
        { FIT_WHOLE, { 32, 31 }, { 32, 32 }, false, false, "must be equal", true },
        { FIT_WHOLE,
          { 32, 33 },
          { 32, 33 },
          false,
          false,
          "is 32x33, more than --crop-size 32x32",
          false },
        { FIT_WHOLE,
          { 33, 32 },
          { 33, 32 },
          true,
          false,
          "has halves of 33x32, more",
          false },
        { FIT_WHOLE, { 33, 32 }, { 33, 32 }, true, true, NULL, false },
        { FIT_WIDTH_CROP, { 2, 40000 }, { 2, 40000 }, false, false, NULL, false },
        { FIT_WIDTH_CROP,
          { 1, 40000 },
          { 1, 40000 },
          false,
          false,
          "is 1x40000 and would become 32x1280000",
          false },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct fit fit = {
            cases[i].mode, { 32, 32 }, { 32, 32 }, RESIZE_AREA, cases[i].centred
        };
        const struct picture a = { .kind = PIXEL_U8,
                                   .channels = 3,
                                   .width = cases[i].a.width,
                                   .height = cases[i].a.height };
        const struct picture b = { .kind = PIXEL_U8,
                                   .channels = 3,
                                   .width = cases[i].b.width,
                                   .height = cases[i].b.height };
        struct reason reason = { "", REASON_CONTENT };
        bool is_b;
        const bool ok = fit_check(&fit, &a, &b, cases[i].halves, &is_b, &reason);
        if (ok != !cases[i].message || (!ok && !strstr(reason.text, cases[i].message)))
            fail_msg("case %zu: \"%s\"", i, reason.text);
        if (!ok)
            assert_int_equal(is_b, cases[i].is_b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_scaled),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
