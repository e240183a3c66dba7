// SPDX-License-Identifier: MIT
//
// How sizes are cut into tiles: cores cover the canvas once, windows hold what is seen
// around them, parts of a pixel add up to one.

#include "support/check.h"
#include "translate/tile_axis.h"

#include <math.h>

static void check_tiles(const struct tile_axis *a, uint32_t tile)
{
    assert_int_equal(tile_axis_core(a, 0), a->first);
    assert_int_equal(tile_axis_core(a, a->count), a->canvas - a->first);
    for (uint32_t i = 0; i < a->count; i++) {
        const uint32_t first = tile_axis_core(a, i), end = tile_axis_core(a, i + 1);
        const uint32_t window = tile_axis_window(a, i);
        uint32_t stop;
        const uint32_t start = tile_axis_reach(a, i, &stop);
        assert_true(end > first && end - first <= tile);
        assert_int_equal(first % a->unit, 0);
        assert_int_equal(window % a->unit, 0);
        assert_int_equal(a->window % a->unit, 0);
        assert_true(window + a->window <= a->canvas);
        // Up to the margin, or the edge of the canvas, where no axis that wraps ends.
        assert_true(window + a->margin <= first || (!a->wraps && window == 0));
        assert_true(window + a->window >= end + a->margin ||
                    (!a->wraps && window + a->window == a->canvas));
        assert_true(start >= window && stop <= window + a->window);
        assert_true(start <= first && stop >= end);
    }
}

// What all tiles have of a pixel of the canvas.
static double sum_weights(const struct tile_axis *a, uint32_t x)
{
    double sum = 0;
    for (uint32_t i = 0; i < a->count; i++) {
        uint32_t stop;
        const uint32_t start = tile_axis_reach(a, i, &stop);
        const float weight = tile_axis_weight(a, i, x);
        assert_true(weight >= 0 && weight <= 1);
        assert_true(weight == 0 || (x >= start && x < stop));
        sum += (double)weight;
    }
    return sum;
}

// Of an axis that wraps, a pixel has places around the image too.
static void check_weights(const struct tile_axis *a)
{
    const uint32_t end = a->canvas - a->first;
    for (uint32_t x = a->first; x < end; x++) {
        double sum = sum_weights(a, x);
        if (a->wraps && x - a->first < a->blend)
            sum += sum_weights(a, x + a->size);
        if (a->wraps && end - x <= a->blend)
            sum += sum_weights(a, x - a->size);
        assert_true(fabs(sum - 1) < 1e-6);
    }
}

static void test_sizes(void **state)
{
    static const uint32_t units[] = { 4, 32 }, margins[] = { 0, 32, 96 };
    (void)state;
    for (uint32_t size = 1; size < 700; size += size < 70 ? 1 : 37)
        for (size_t u = 0; u < ARRAY_LEN(units); u++)
            for (size_t m = 0; m < ARRAY_LEN(margins); m++)
                for (uint32_t tile = 32; tile <= 128; tile *= 2)
                    for (int blends = 0; blends < 2; blends++) {
                        struct tile_axis a;
                        const struct tile_cut cut = { units[u], 8, tile, margins[m],
                                                      blends };
                        tile_axis_init(&a, size, &cut);
                        assert_int_equal(a.canvas, ALIGN_UP(MAX(size, 8u), units[u]));
                        assert_true(a.window <= tile + 2 * margins[m]);
                        assert_int_equal(a.count, DIV_UP(a.canvas, tile));
                        check_tiles(&a, tile);
                        check_weights(&a);
                    }
}

// The same of sides that the network takes, whose ends continue each other.
static void test_wrapping(void **state)
{
    (void)state;
    for (uint32_t size = 32; size < 700; size += 32)
        for (uint32_t margin = 0; margin <= 96; margin += 32)
            for (uint32_t tile = 32; tile <= 128; tile *= 2)
                for (int blends = 0; blends < 2; blends++) {
                    const struct tile_cut cut = { 32, 32, tile, margin, blends, true };
                    struct tile_axis a;
                    tile_axis_init(&a, size, &cut);
                    assert_int_equal(a.first, margin);
                    assert_int_equal(a.canvas, size + 2 * margin);
                    assert_int_equal(a.count, DIV_UP(size, tile));
                    check_tiles(&a, tile);
                    check_weights(&a);
                }
}

// The sides that need not be filled up.
static void test_whole(void **state)
{
    const struct tile_cut cut = { .unit = 4, .least = 8 };
    (void)state;
    assert_int_equal(tile_axis_whole(1, &cut), 8);
    assert_int_equal(tile_axis_whole(8, &cut), 8);
    assert_int_equal(tile_axis_whole(9, &cut), 12);
}

// A window of one core and two margins, that at the edges is moved inwards.
static void test_places(void **state)
{
    const struct tile_cut cut = { 32, 32, 256, 96, false };
    struct tile_axis a;
    (void)state;
    tile_axis_init(&a, 1000, &cut);
    assert_int_equal(a.canvas, 1024);
    assert_int_equal(a.count, 4);
    assert_int_equal(a.window, 448);
    assert_int_equal(tile_axis_window(&a, 0), 0);
    assert_int_equal(tile_axis_window(&a, 1), 160);
    assert_int_equal(tile_axis_window(&a, 2), 416);
    assert_int_equal(tile_axis_window(&a, 3), 576);
    // No tile is a sliver: 33 units of 32 in 5 tiles have 6 or 7 each.
    tile_axis_init(&a, 1056, &cut);
    assert_int_equal(a.count, 5);
    for (uint32_t i = 0; i < a.count; i++) {
        const uint32_t core = tile_axis_core(&a, i + 1) - tile_axis_core(&a, i);
        assert_true(core == 6 * 32 || core == 7 * 32);
    }
}

static void test_source(void **state)
{
    static const uint32_t expected[] = { 0, 1, 2, 2, 1, 0, 0, 1, 2, 2 };
    const struct tile_cut cut = { 32, 32, 32, 0, false };
    struct tile_axis a;
    (void)state;
    tile_axis_init(&a, 3, &cut);
    for (uint32_t x = 0; x < ARRAY_LEN(expected); x++)
        assert_int_equal(tile_axis_source(&a, x), expected[x]);
    tile_axis_init(&a, 1, &cut);
    assert_int_equal(tile_axis_source(&a, 31), 0);

    // Three pixels in front of four, and behind them.
    static const uint32_t wrapped[] = { 1, 2, 3, 0, 1, 2, 3, 0, 1, 2 };
    tile_axis_init(&a, 4, &(struct tile_cut){ 1, 1, 2, 3, false, true });
    assert_int_equal(a.canvas, ARRAY_LEN(wrapped));
    for (uint32_t x = 0; x < ARRAY_LEN(wrapped); x++)
        assert_int_equal(tile_axis_source(&a, x), wrapped[x]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),  cmocka_unit_test(test_wrapping),
        cmocka_unit_test(test_whole),  cmocka_unit_test(test_places),
        cmocka_unit_test(test_source),
    };
    return cmocka_run_group_tests_name("tile_axis", tests, NULL, NULL);
}
