// SPDX-License-Identifier: MIT
//
// Contact sheets: every tile is where it belongs, enlarged without smoothing, and what
// is between and below the tiles is black.

#include "data/sheet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "data/image.h"

#define SCRATCH "test_sheet.scratch"

enum { GAP = 8 };    // pixels between stacks

// A picture whose pixels differ from each other and from those of other tiles.
static uint8_t value(uint32_t row, uint32_t column, uint32_t x, uint32_t y)
{
    return (uint8_t)(1 + row * 40 + column * 13 + y * 5 + x);
}

static void paste(struct sheet *sheet, uint32_t row, enum sheet_column column)
{
    struct picture p;
    assert_true(picture_create(&p, PIXEL_U8, 1, sheet->side, sheet->side));
    uint8_t *samples = p.samples;
    for (uint32_t y = 0; y < sheet->side; y++)
        for (uint32_t x = 0; x < sheet->side; x++)
            samples[y * sheet->side + x] = value(row, column, x, y);
    assert_true(sheet_paste(sheet, row, column, &p));
    picture_free(&p);
}

static void check_sheet(uint32_t side, uint32_t rows, uint32_t stacks, uint32_t factor)
{
    struct sheet sheet;
    const uint32_t tile = side * factor, in_stack = DIV_UP(rows, stacks);
    const uint32_t stack = SHEET_COLUMNS * tile;
    assert_true(sheet_create(&sheet, side, rows, stacks));
    assert_int_equal(sheet.image.width, stacks * stack + (stacks - 1) * GAP);
    assert_int_equal(sheet.image.height, in_stack * tile);
    for (uint32_t row = 0; row < rows; row++)
        for (int column = 0; column < SHEET_COLUMNS; column++)
            paste(&sheet, row, (enum sheet_column)column);
    const uint8_t *p = sheet.image.pixels;
    for (uint32_t y = 0; y < sheet.image.height; y++)
        for (uint32_t x = 0; x < sheet.image.width; x++, p += 3) {
            uint32_t row = x / (stack + GAP) * in_stack + y / tile;
            uint32_t inside = x % (stack + GAP);
            uint8_t expected = 0;
            if (row < rows && inside < stack)
                expected = value(row, inside / tile, inside % tile / factor,
                                 y % tile / factor);
            for (int c = 0; c < 3; c++)
                assert_int_equal(p[c], expected);
        }
    sheet_free(&sheet);
    sheet_free(&sheet);
}

static void test_layout(void **state)
{
    (void)state;
    check_sheet(4, 1, 1, 40);
    check_sheet(4, 3, 1, 40);
    check_sheet(100, 2, 1, 2);
    check_sheet(160, 1, 1, 1);
    check_sheet(170, 2, 2, 1);
    check_sheet(50, 5, 2, 4);    // three rows, then two
}

static void test_write(void **state)
{
    struct sheet sheet;
    struct pix_image back;
    (void)state;
    assert_true(file_make_folder(SCRATCH));
    assert_true(sheet_create(&sheet, 20, 1, 1));
    paste(&sheet, 0, SHEET_OUTPUT);
    assert_true(sheet_write(&sheet, SCRATCH "/sheet.png"));
    assert_true(image_read(SCRATCH "/sheet.png", &back));
    assert_int_equal(back.width, sheet.image.width);
    assert_int_equal(back.height, sheet.image.height);
    assert_memory_equal(back.pixels, sheet.image.pixels,
                        (size_t)3 * back.width * back.height);
    image_free(&back);
    sheet_free(&sheet);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
