// SPDX-License-Identifier: MIT
//
// Label maps as planes of classes and back; palettes as texts; PNG files that have one.

#include "data/class_planes.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "data/picture_file.h"
#include "support/golden.h"

static const struct palette colours = { 3,
                                        { { 255, 0, 0 }, { 0, 128, 0 }, { 9, 9, 9 } } };
static const struct palette greys = { 2, { { 0, 0, 0 }, { 255, 255, 255 } } };

static struct picture make(uint32_t channels, uint32_t width, uint32_t height,
                           const uint8_t *samples)
{
    struct picture p;
    assert_true(picture_create(&p, PIXEL_U8, channels, width, height));
    memcpy(p.samples, samples, picture_bytes(&p));
    return p;
}

static void check_planes(struct picture *p, const struct palette *palette,
                         const uint8_t *expected, uint64_t expected_strange)
{
    struct reason reason;
    uint64_t strange = 0;
    if (!class_planes_take(p, &reason) ||
        !class_planes_make(palette, p, &strange, &reason))
        fail_msg("%s", reason.text);
    assert_int_equal(p->channels, palette->count);
    assert_memory_equal(p->samples, expected, picture_bytes(p));
    assert_true(strange == expected_strange);
    picture_free(p);
}

// Colours, the nearest ones, indices, levels of grey; an alpha is dropped.
static void test_make(void **state)
{
    static const uint8_t rgb[] = { 0, 255, 250, 9, 128, 0, 3, 9, 0, 0, 0, 9 };
    static const uint8_t rgb_planes[] = { 0, 255, 255, 0, 255, 0, 0, 0, 0, 0, 0, 255 };
    static const uint8_t index[] = { 2, 0, 1, 2, 7, 7, 7, 7 };
    static const uint8_t index_planes[] = {
        0, 255, 0, 0, 0, 0, 255, 0, 255, 0, 0, 255
    };
    static const uint8_t grey[] = { 0, 255, 130, 255 };
    static const uint8_t grey_planes[] = { 255, 0, 0, 0, 0, 255, 255, 255 };
    (void)state;
    struct picture p = make(3, 4, 1, rgb);
    check_planes(&p, &colours, rgb_planes, 1);
    p = make(1, 2, 2, index);
    check_planes(&p, &colours, index_planes, 0);
    p = make(2, 2, 2, index);
    check_planes(&p, &colours, index_planes, 0);
    // Indices from 1, as the file of the palette counts them.
    struct palette from_one = colours;
    from_one.first_index = 1;
    static const uint8_t above[] = { 3, 1, 2, 3 };
    p = make(1, 2, 2, above);
    check_planes(&p, &from_one, index_planes, 0);
    p = make(3, 4, 1, rgb);
    check_planes(&p, &from_one, rgb_planes, 1);
    p = make(1, 4, 1, grey);
    check_planes(&p, &greys, grey_planes, 1);
}

static void test_refused(void **state)
{
    static const uint8_t index[] = { 0, 3 };
    struct reason reason;
    struct picture p = make(1, 2, 1, index);
    uint64_t strange = 0;
    (void)state;
    assert_false(class_planes_make(&colours, &p, &strange, &reason));
    assert_non_null(strstr(
        reason.text, "has the index 3, and those of the palette's colours are 0 to 2"));
    struct palette from_one = colours;
    from_one.first_index = 1;
    assert_false(class_planes_make(&from_one, &p, &strange, &reason));
    assert_non_null(strstr(reason.text, "has the index 0, and those of the palette's "
                                        "colours are 1 to 3"));
    picture_free(&p);
    assert_true(picture_create(&p, PIXEL_U16, 1, 2, 2));
    assert_false(class_planes_take(&p, &reason));
    assert_non_null(strstr(reason.text, "has samples of u16"));
    picture_free(&p);
}

// The largest plane decides, of equal ones the first. A PNG of it has the palette, and
// is read as its colours.
static void test_colour(void **state)
{
    static const uint8_t planes[] = { 200, 0, 85, 55, 1, 85, 0, 200, 85 };
    static const uint8_t rgb[] = { 255, 9, 255, 0, 9, 0, 0, 9, 0 };
    static const char path[] = "test_class_planes.png";
    struct reason reason;
    struct picture p = make(3, 3, 1, planes), back;
    void *file;
    size_t size;
    (void)state;
    assert_true(class_planes_colour(&colours, &p));
    assert_ptr_equal(p.palette, &colours);
    assert_memory_equal(p.samples, rgb, sizeof(rgb));
    assert_true(picture_write(path, &p));
    assert_true(picture_read(path, &back, &reason));
    assert_int_equal(back.channels, 3);
    assert_memory_equal(back.samples, rgb, sizeof(rgb));
    assert_true(file_read(path, &file, &size));
    assert_int_equal(((uint8_t *)file)[25], 3);    // the colour type: a palette
    mem_free(file);
    picture_free(&p);
    picture_free(&back);
    assert_int_equal(remove(path), 0);
}

static void test_palette(void **state)
{
    static const char *const wrong[] = { "1#ff0000,#008000",
                                         "2:#ff0000,#008000",
                                         "1:",
                                         "",
                                         "red",
                                         "#ff00",
                                         "#ff0000,",
                                         "#ff0000;#00ff00",
                                         "#ff0000,#FF0000",
                                         "#gg0000",
                                         "#ff00001" };
    struct palette p, more = { 3, { { 9, 9, 9 }, { 0, 128, 0 }, { 0, 0, 200 } } };
    char text[PALETTE_TEXT_SIZE];
    (void)state;
    assert_string_equal(palette_text(&colours, text), "#ff0000,#008000,#090909");
    assert_true(palette_parse(text, &p));
    p.first_index = 1;
    assert_string_equal(palette_text(&p, text), "1:#ff0000,#008000,#090909");
    assert_true(palette_parse(text, &p) && p.count == 3 && p.first_index == 1);
    assert_string_equal(palette_text(&colours, text), "#ff0000,#008000,#090909");
    assert_true(palette_parse(text, &p) && p.first_index == 0);
    assert_memory_equal(&p, &colours, sizeof(p.count) + 3 * sizeof(p.colours[0]));
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        if (palette_parse(wrong[i], &p))
            fail_msg("\"%s\" is taken", wrong[i]);
    assert_true(palette_is_grey(&greys) && !palette_is_grey(&colours));
    palette_sort(&more);
    assert_string_equal(palette_text(&more, text), "#0000c8,#008000,#090909");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_make),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_colour),
        cmocka_unit_test(test_palette),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
