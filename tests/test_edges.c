// SPDX-License-Identifier: MIT
//
// Edges, against scikit-image (tests/golden/edges.py).

#include "data/edges.h"

#include <string.h>

#include "support/golden.h"

// As edges.py makes it.
static uint8_t level(int x, int y)
{
    const int waves = 37 * x * x + 11 * x * y + 5 * y * y * y;
    if ((x - 20) * (x - 20) + (y - 22) * (y - 22) < 150)
        return 240;
    return (uint8_t)(waves / 997 % 7 * 30 + x * y % 11);
}

static void check_rows(const json_t *golden, const struct picture *edges)
{
    const json_t *rows = json_object_get(golden, "rows");
    for (uint32_t y = 0; y < edges->height; y++) {
        const char *row = json_string_value(json_array_get(rows, y));
        for (uint32_t x = 0; x < edges->width; x++)
            if ((row[x] == '#') !=
                (((uint8_t *)edges->samples)[(size_t)y * edges->width + x] == 0))
                fail_msg("an edge at %u, %u: %c", x, y, row[x]);
    }
}

// Of grey, and of colours and numbers that have the same luma.
static void test_edges(void **state)
{
    json_t *golden = golden_read("edges.json");
    const uint32_t width = golden_count(golden, "width"),
                   height = golden_count(golden, "height");
    static const struct {
        enum pixel_kind kind;
        uint32_t channels;
    } cases[] = {
        { PIXEL_U8, 1 }, { PIXEL_U8, 3 }, { PIXEL_U16, 1 }, { PIXEL_F32, 2 }
    };
    (void)state;
    for (size_t k = 0; k < ARRAY_LEN(cases); k++) {
        struct picture p, edges;
        assert_true(
            picture_create(&p, cases[k].kind, cases[k].channels, width, height));
        const size_t count = (size_t)width * height;
        for (size_t i = 0; i < count * p.channels; i++) {
            const uint8_t v = level((int)(i % count % width), (int)(i % count / width));
            if (p.kind == PIXEL_U8)
                ((uint8_t *)p.samples)[i] = v;
            else if (p.kind == PIXEL_U16)
                ((uint16_t *)p.samples)[i] = (uint16_t)(v * 257);
            else
                ((float *)p.samples)[i] = (float)v / 127.5F - 1;
        }
        assert_true(edges_find(&p, &edges));
        assert_int_equal(edges.channels, 1);
        check_rows(golden, &edges);
        picture_free(&p);
        picture_free(&edges);
    }
    json_decref(golden);
}

// Images without an inside have no edges.
static void test_small(void **state)
{
    (void)state;
    for (uint32_t w = 1; w <= 3; w++)
        for (uint32_t h = 1; h <= 3; h++) {
            struct picture p, edges;
            assert_true(picture_create(&p, PIXEL_U8, 1, w, h));
            ((uint8_t *)p.samples)[0] = 255;
            assert_true(edges_find(&p, &edges));
            for (size_t i = 0; i < (size_t)w * h && (w < 3 || h < 3); i++)
                assert_int_equal(((uint8_t *)edges.samples)[i], 255);
            picture_free(&p);
            picture_free(&edges);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_edges),
        cmocka_unit_test(test_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
