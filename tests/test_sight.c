// SPDX-License-Identifier: MIT
//
// Spread and distances of images against their definitions.

#include "train/sight.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

// A picture of one kind, of which pixel (x, y) is base + slope * (x < width / 2).
static struct picture make(enum pixel_kind kind, uint32_t width, uint32_t height,
                           double base, double slope)
{
    struct picture p;
    assert_true(picture_create(&p, kind, 4, width, height));
    for (size_t i = 0; i < (size_t)4 * width * height; i++) {
        const double v = base + (i % width < width / 2 ? slope : 0);
        if (kind == PIXEL_U8)
            ((uint8_t *)p.samples)[i] = (uint8_t)v;
        else if (kind == PIXEL_U16)
            ((uint16_t *)p.samples)[i] = (uint16_t)v;
        else
            ((float *)p.samples)[i] = (float)v;
    }
    return p;
}

static void see(struct sight *s, uint32_t image, enum sheet_column column,
                enum pixel_kind kind, double base, double slope)
{
    // Rows in several pieces.
    struct picture p = make(kind, 608, 9, base, slope);
    sight_see(s, image, column, &p);
    picture_free(&p);
}

static void check_near(double a, double b)
{
    if (!(fabs(a - b) <= 1e-9 * (1 + fabs(b))))
        fail_msg("%.12g is not %.12g", a, b);
}

static void test_look(void **state)
{
    static struct sight s;
    (void)state;
    for (int kind = 0; kind < PIXEL_KINDS; kind++) {
        s = (struct sight){ 0 };
        sight_begin(&s, true);
        for (uint32_t i = 0; i < 3; i++) {
            see(&s, i, SHEET_INPUT, kind, 10 * i, 0);
            see(&s, i, SHEET_OUTPUT, kind, 50, 20);
            see(&s, i, SHEET_TARGET, kind, 100 + 6 * i, 40);
        }
        struct health_look look = sight_look(&s);
        check_near(look.output_spread, 10);    // half of the pixels are 20 apart
        check_near(look.target_spread, 20);
        check_near(look.input_distance, 10);
        check_near(look.output_distance, 0);
        check_near(look.target_distance, 6);

        // One image, compared with the last one, or with nothing.
        for (int goes_on = 1; goes_on >= 0; goes_on--) {
            sight_begin(&s, goes_on);
            see(&s, 0, SHEET_INPUT, kind, 25, 0);
            see(&s, 0, SHEET_OUTPUT, kind, 53, 0);
            see(&s, 0, SHEET_TARGET, kind, 112, 40);
            look = sight_look(&s);
            check_near(look.output_spread, 0);
            if (goes_on) {
                check_near(look.input_distance, 5);
                // 17 in one half, 3 in the other.
                check_near(look.output_distance, sqrt((17.0 * 17 + 3 * 3) / 2));
                check_near(look.target_distance, 0);
            } else {
                assert_true(isnan(look.output_distance) && isnan(look.input_distance));
            }
        }
    }
}

// Images smaller than the cells, and one pixel.
static void test_small(void **state)
{
    static struct sight s;
    (void)state;
    sight_begin(&s, false);
    for (uint32_t i = 0; i < SIGHT_IMAGES; i++)
        for (int column = 0; column < SHEET_COLUMNS; column++) {
            struct picture p = make(PIXEL_U8, column == 0 ? 1 : 3, 1, 7 + i, 30);
            sight_see(&s, i, (enum sheet_column)column, &p);
            picture_free(&p);
        }
    const struct health_look look = sight_look(&s);
    check_near(look.output_spread, sqrt(30.0 * 30 * 2 / 9));
    assert_true(look.input_distance > 0 && look.output_distance > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_look),
        cmocka_unit_test(test_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
