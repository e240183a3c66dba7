// SPDX-License-Identifier: MIT
//
// Pictures that go on beyond their edges: every window is what the definition says,
// sample by sample.

#include "data/window.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"

// Places -6 to 6 of three samples.
static void test_source(void **state)
{
    static const uint32_t mirror[] = { 0, 1, 2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0 };
    static const uint32_t wrap[] = { 0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0 };
    (void)state;
    for (int i = -6; i <= 6; i++) {
        assert_int_equal(window_source(WINDOW_MIRROR, i, 3), mirror[i + 6]);
        assert_int_equal(window_source(WINDOW_WRAP, i, 3), wrap[i + 6]);
        assert_int_equal(window_source(WINDOW_MIRROR, i, 1), 0);
        assert_int_equal(window_source(WINDOW_WRAP, i, 1), 0);
    }
    assert_int_equal(window_source(WINDOW_WRAP, INT64_C(-5000000000) * 3 - 1, 3), 2);
}

// All samples are different, in bytes too.
static struct picture make(enum pixel_kind kind, uint32_t width, uint32_t height)
{
    struct picture p;
    assert_true(picture_create(&p, kind, 2, width, height));
    for (uint32_t i = 0; i < 2 * width * height; i++) {
        if (kind == PIXEL_U8)
            ((uint8_t *)p.samples)[i] = (uint8_t)(i + 1);
        else if (kind == PIXEL_U16)
            ((uint16_t *)p.samples)[i] = (uint16_t)(i * 257 + 3);
        else
            ((float *)p.samples)[i] = (float)i / 64 - 1;
    }
    return p;
}

static void check(enum pixel_kind kind, struct window_edges edges, int64_t x, int64_t y,
                  uint32_t width, uint32_t height)
{
    struct picture in = make(kind, 7, 5), out;
    in.is_array = true;
    in.range = (struct pixel_range){ 3, 7 };
    assert_true(window_create(&in, edges, x, y, width, height, &out));
    assert_int_equal(out.kind, kind);
    assert_int_equal(out.width, width);
    assert_int_equal(out.height, height);
    assert_true(out.is_array);
    assert_true(out.range.low == 3 && out.range.high == 7);
    for (uint32_t c = 0, i = 0; c < 2; c++)
        for (uint32_t row = 0; row < height; row++)
            for (uint32_t column = 0; column < width; column++, i++) {
                const uint32_t from_x = window_source(edges.across, x + column, 7);
                const uint32_t from_y = window_source(edges.down, y + row, 5);
                const double expected =
                    picture_sample(&in, (c * 5 + from_y) * 7 + from_x);
                if (picture_sample(&out, i) != expected)
                    fail_msg("[%u, %u, %u] is not that of [%u, %u]", c, row, column,
                             from_y, from_x);
            }
    picture_free(&in);
    picture_free(&out);
}

static void test_windows(void **state)
{
    static const struct window_edges edges[] = {
        { WINDOW_MIRROR, WINDOW_MIRROR },
        { WINDOW_WRAP, WINDOW_WRAP },
        { WINDOW_WRAP, WINDOW_MIRROR },
        { WINDOW_MIRROR, WINDOW_WRAP },
    };
    (void)state;
    for (int kind = 0; kind < PIXEL_KINDS; kind++)
        for (size_t i = 0; i < ARRAY_LEN(edges); i++) {
            const enum pixel_kind k = (enum pixel_kind)kind;
            check(k, edges[i], 0, 0, 7, 5);
            check(k, edges[i], 2, 1, 3, 3);
            check(k, edges[i], 0, 0, 32, 8);
            check(k, edges[i], -3, -2, 13, 9);
            check(k, edges[i], -40, -33, 1, 1);
            check(k, edges[i], -100, 77, 40, 12);    // far outside
        }
}

// Resizing a picture that wraps is resizing it laid side by side, and taking the one in
// the middle. An axis that does not wrap is resized as ever.
static void check_resize(enum pixel_kind kind, enum resize_filter filter,
                         struct window_edges edges, uint32_t width, uint32_t height)
{
    const uint32_t w = 12, h = 10;
    const uint32_t across = edges.across == WINDOW_WRAP ? 3 : 1;
    const uint32_t down = edges.down == WINDOW_WRAP ? 3 : 1;
    struct picture in = make(kind, w, h), tiled, large, expected, out;
    assert_true(window_create(&in, edges, 0, 0, across * w, down * h, &tiled));
    assert_true(picture_resize(&tiled, filter, across * width, down * height, &large));
    assert_true(picture_crop(&large, across / 3 * width, down / 3 * height, width,
                             height, &expected));
    in.range = (struct pixel_range){ 3, 7 };
    in.is_array = true;
    assert_true(window_resize(&in, edges, filter, width, height, &out));
    assert_true(out.is_array);
    assert_true(out.range.low == 3 && out.range.high == 7);
    assert_int_equal(out.width, width);
    assert_int_equal(out.height, height);
    for (size_t i = 0; i < (size_t)2 * width * height; i++) {
        const double a = picture_sample(&out, i), b = picture_sample(&expected, i);
        if (fabs(a - b) > (kind == PIXEL_F32 ? 1e-6 : 0))
            fail_msg("%ux%u of %s: sample %u is %g, not %g", width, height,
                     pixel_kind_name(kind), (unsigned)i, a, b);
    }
    picture_free(&in);
    picture_free(&tiled);
    picture_free(&large);
    picture_free(&expected);
    picture_free(&out);
}

static void test_resize(void **state)
{
    static const struct window_edges edges[] = {
        { WINDOW_WRAP, WINDOW_WRAP },
        { WINDOW_WRAP, WINDOW_MIRROR },
        { WINDOW_MIRROR, WINDOW_WRAP },
    };
    // Scales that are exact in binary: the same weights everywhere.
    static const uint32_t sizes[][2] = { { 8, 5 }, { 24, 40 }, { 12, 20 },
                                         { 3, 1 }, { 12, 10 }, { 6, 10 } };
    (void)state;
    for (int kind = 0; kind < PIXEL_KINDS; kind++)
        for (size_t e = 0; e < ARRAY_LEN(edges); e++)
            for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
                for (int filter = RESIZE_BICUBIC; filter <= RESIZE_NEAREST; filter++)
                    check_resize((enum pixel_kind)kind, (enum resize_filter)filter,
                                 edges[e], sizes[i][0], sizes[i][1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_source),
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_resize),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
