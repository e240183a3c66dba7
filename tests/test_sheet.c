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
#include "data/lettering.h"
#include "support/size.h"

#define SCRATCH "test_sheet.scratch"

enum { GAP = 8 };    // pixels between stacks

// A picture whose pixels differ from each other and from those of other tiles.
static uint8_t value(uint32_t row, uint32_t column, uint32_t x, uint32_t y)
{
    return (uint8_t)(1 + row * 40 + column * 13 + y * 5 + x);
}

static void paste(struct sheet *sheet, uint32_t row, uint32_t column)
{
    struct picture p;
    assert_true(picture_create(&p, PIXEL_U8, 1, sheet->tile.width, sheet->tile.height));
    uint8_t *samples = p.samples;
    for (uint32_t y = 0; y < sheet->tile.height; y++)
        for (uint32_t x = 0; x < sheet->tile.width; x++)
            samples[y * sheet->tile.width + x] = value(row, column, x, y);
    assert_true(sheet_paste(sheet, row, column, &p));
    picture_free(&p);
}

static void check_sheet(struct pix_size size, uint32_t rows, uint32_t columns,
                        uint32_t stacks, uint32_t factor)
{
    struct sheet sheet;
    const struct sheet_layout layout = { size, rows, columns, stacks, NULL };
    const uint32_t tile_w = size.width * factor, tile_h = size.height * factor;
    const uint32_t in_stack = DIV_UP(rows, stacks), stack = columns * tile_w;
    assert_true(sheet_create(&sheet, &layout));
    assert_int_equal(sheet.image.width, stacks * stack + (stacks - 1) * GAP);
    assert_int_equal(sheet.image.height, in_stack * tile_h);
    for (uint32_t row = 0; row < rows; row++)
        for (uint32_t column = 0; column < columns; column++)
            paste(&sheet, row, column);
    const uint8_t *p = sheet.image.pixels;
    for (uint32_t y = 0; y < sheet.image.height; y++)
        for (uint32_t x = 0; x < sheet.image.width; x++, p += 3) {
            uint32_t row = x / (stack + GAP) * in_stack + y / tile_h;
            uint32_t inside = x % (stack + GAP);
            uint8_t expected = 0;
            if (row < rows && inside < stack)
                expected = value(row, inside / tile_w, inside % tile_w / factor,
                                 y % tile_h / factor);
            for (int c = 0; c < 3; c++)
                assert_int_equal(p[c], expected);
        }
    sheet_free(&sheet);
    sheet_free(&sheet);
}

// Words on a tile are white on black, and within it.
static void test_tile_letters(void **state)
{
    struct sheet sheet;
    const struct sheet_layout layout = { SQUARE(160), 2, 2, 1, NULL };
    size_t white = 0, black = 0;
    (void)state;
    assert_true(sheet_create(&sheet, &layout));
    memset(sheet.image.pixels, 100, (size_t)sheet.image.width * sheet.image.height * 3);
    sheet_letter(&sheet, 1, 1, "12 duplicate");
    const uint8_t *p = sheet.image.pixels;
    for (uint32_t y = 0; y < sheet.image.height; y++)
        for (uint32_t x = 0; x < sheet.image.width; x++, p += 3) {
            assert_true(*p == 100 || (y >= 160 && y < 180 && x >= 160));
            white += *p == 255;
            black += *p == 0;
        }
    assert_true(white > 100 && black > 2 * white);
    sheet_free(&sheet);
}

static void test_layout(void **state)
{
    (void)state;
    check_sheet(SQUARE(4), 1, 3, 1, 40);
    check_sheet(SQUARE(4), 3, 3, 1, 40);
    check_sheet(SQUARE(100), 2, 3, 1, 2);
    check_sheet(SQUARE(160), 1, 3, 1, 1);
    check_sheet(SQUARE(170), 2, 3, 2, 1);
    check_sheet(SQUARE(50), 5, 3, 2, 4);    // three rows, then two
    check_sheet(SQUARE(20), 3, 5, 2, 8);
    // Enlarged by the larger side.
    check_sheet((struct pix_size){ 20, 10 }, 3, 5, 2, 8);
    check_sheet((struct pix_size){ 4, 90 }, 3, 3, 1, 2);
}

// White pixels in columns [left, right) of the band above the tiles.
static uint32_t count_ink(const struct sheet *sheet, uint32_t left, uint32_t right)
{
    uint32_t ink = 0;
    for (uint32_t y = 0; y < sheet->heading_height; y++)
        for (uint32_t x = left; x < right; x++) {
            const uint8_t *p =
                sheet->image.pixels + ((size_t)y * sheet->image.width + x) * 3;
            assert_true(p[0] == p[1] && p[1] == p[2] && (p[0] == 0 || p[0] == 255));
            ink += p[0] == 255;
        }
    return ink;
}

// Each heading is above its column and nowhere else, in every stack, and the tiles are
// below; one that is too wide is cut at its column.
static void test_headings(void **state)
{
    static const char *const headings[] = {
        "I", "", "a heading that is wider than the column of small tiles below it"
    };
    const struct sheet_layout layout = { SQUARE(160), 3, 3, 2, headings };
    struct sheet sheet;
    (void)state;
    assert_true(sheet_create(&sheet, &layout));
    const uint32_t high = sheet.heading_height, stack = 3 * 160;
    assert_true(high >= LETTERING_HEIGHT);
    assert_int_equal(sheet.image.height, high + 2 * 160);
    for (uint32_t left = 0; left <= stack + GAP; left += stack + GAP) {
        assert_int_equal(count_ink(&sheet, left + 80 - 4, left + 80 + 4),
                         count_ink(&sheet, left, left + 160));
        assert_int_equal(count_ink(&sheet, left + 160, left + 320), 0);
        assert_in_range(count_ink(&sheet, left + 320, left + 480), 200, 160 * 9);
    }
    assert_int_equal(count_ink(&sheet, stack, stack + GAP), 0);
    paste(&sheet, 2, 2);
    assert_int_equal(
        sheet.image.pixels[((size_t)high * sheet.image.width + stack + GAP + 320) * 3],
        value(2, 2, 0, 0));
    sheet_free(&sheet);
}

// The pixels of a letter, which whoever knows the alphabet can check.
static void test_letters(void **state)
{
    static const char *const picture[] = { "x  x", "x  x", "x  x", "xxxx",
                                           "x  x", "x  x", "x  x" };
    struct pix_image image;
    (void)state;
    assert_true(image_create(&image, 20, 20));
    lettering_draw(&image, "H", 2, 4, 20, 2);
    for (uint32_t y = 0; y < 20; y++)
        for (uint32_t x = 0; x < 20; x++) {
            const bool inside = x >= 2 && x < 10 && y >= 4 && y < 18;
            const bool ink = inside && picture[(y - 4) / 2][(x - 2) / 2] == 'x';
            assert_int_equal(image.pixels[(y * 20 + x) * 3], ink ? 255 : 0);
        }
    image_free(&image);
    assert_true(lettering_is_fine("1 minute: L1 0.158 ~"));
    assert_false(lettering_is_fine("\xc3\xa9"));
    assert_false(lettering_is_fine("a\nb"));
}

static void test_write(void **state)
{
    struct sheet sheet;
    struct pix_image back;
    (void)state;
    assert_true(file_make_folder(SCRATCH));
    const struct sheet_layout layout = { { 20, 10 }, 1, SHEET_COLUMNS, 1, NULL };
    assert_true(sheet_create(&sheet, &layout));
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
        cmocka_unit_test(test_tile_letters), cmocka_unit_test(test_layout),
        cmocka_unit_test(test_headings),     cmocka_unit_test(test_letters),
        cmocka_unit_test(test_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
