// SPDX-License-Identifier: MIT
//
// Palettes, and how well label maps agree: numbers that can be counted by hand.

#include "evaluate/labels.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/base.h"

#define FILE_NAME "test_labels.palette"

static void write_text(const char *text)
{
    FILE *f = fopen(FILE_NAME, "wb");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static void check_palette(const char *text, const uint8_t (*colours)[3], uint32_t count)
{
    struct palette p;
    struct reason reason;
    write_text(text);
    if (!palette_read(FILE_NAME, &p, &reason))
        fail_msg("%s: %s", text, reason.text);
    assert_int_equal(p.count, count);
    assert_int_equal(p.first_index, strstr(text, "1  51") != NULL);
    assert_memory_equal(p.colours, colours, count * 3);
}

static void test_palette(void **state)
{
    (void)state;
    static const uint8_t two[][3] = { { 51, 102, 204 }, { 220, 57, 18 } };
    check_palette("#3366CC\n#dc3912", two, 2);
    check_palette("# index R G B\n1  51 102 204  #3366CC\n2 220  57  18  #DC3912\n",
                  two, 2);
    check_palette("51,102,204,sea\r\n\r\n220;57;18\r\n", two, 2);
    check_palette("\xef\xbb\xbf#3366CC sea\r#dc3912\r", two, 2);
    check_palette("\xef\xbb\xbfGIMP Palette\r\n51 102 204\t0\r\n220 57 18\t1\r\n", two,
                  2);
    check_palette("GIMP Palette\nName: coast\nColumns: 3\n#\n 51 102 204\tsea\n"
                  "220  57  18\tland 2\n",
                  two, 2);
    // Names that are numbers, or begin with one.
    check_palette("GIMP Palette\n#by hand\n51 102 204\t0\n220 57 18\t1\n", two, 2);
    check_palette("GIMP Palette\nChannels: RGBA\n51 102 204 255\n220 57 18 255\n", two,
                  2);
    check_palette("51 102 204 2nd\n220 57 18 2024\n", two, 2);
    check_palette("0 51 102 204\n1 220 57 18\n", two, 2);

    static const struct {
        const char *text, *part;
    } refused[] = {
        { "", "has no colour" },
        { "# only words\n", "has no colour" },
        { "#3366CC\nred\n", "line 2 is \"red\"" },
        { "#3366C\n", "line 1 is" },
        { "1 2\n", "line 1 is" },
        { "1 2 256\n", "line 1 is" },
        { "0 0 0\t0\n255 255 255\t1\n", "line 2 may be" },
        { "0 9 9 0\n1 8 8 1\n", "line 1 may be" },
        { "7 9 9 9\n8 8 8 8\n", "line 1 may be" },
        { "1 9 9 9\n8 8 8\n", "line 2 may be" },
        { "9 9 9 sky\n1 8 8 8\n", "line 2 may be" },
        { "1 2 3\n\n1 2 3\n", "line 3 has a colour that was there before" },
        { "1 2 3\r\n\r\n1 2 3\r\n", "line 3 has a colour that was there before" },
    };
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        struct palette p;
        struct reason reason;
        write_text(refused[i].text);
        assert_false(palette_read(FILE_NAME, &p, &reason));
        if (!strstr(reason.text, refused[i].part))
            fail_msg("\"%s\" is not in: %s", refused[i].part, reason.text);
    }
    struct palette p;
    struct reason reason;
    remove(FILE_NAME);
    assert_false(palette_read(FILE_NAME, &p, &reason));
}

// A picture of one row, whose pixels have these colours.
static void make_row(struct picture *p, uint32_t channels, const uint8_t (*colours)[3],
                     uint32_t count)
{
    assert_true(picture_create(p, PIXEL_U8, channels, count, 1));
    for (uint32_t c = 0; c < channels; c++)
        for (uint32_t x = 0; x < count; x++)
            ((uint8_t *)p->samples)[c * count + x] = colours[x][c];
}

static void test_colours_of_pictures(void **state)
{
    (void)state;
    static const uint8_t row[][3] = {
        { 9, 8, 7 }, { 9, 8, 7 }, { 1, 2, 3 }, { 9, 8, 7 }
    };
    struct palette p = { .count = 0 };
    struct picture picture;
    struct reason reason;
    make_row(&picture, 3, row, 4);
    assert_true(palette_add_picture(&p, &picture, &reason));
    assert_true(palette_add_picture(&p, &picture, &reason));
    assert_int_equal(p.count, 2);
    assert_int_equal(palette_find(&p, 8, 8, 8), 0);
    assert_int_equal(palette_find(&p, 0, 0, 0), 1);
    picture_free(&picture);
    // Grey counts as its colour.
    make_row(&picture, 1, row, 4);
    assert_true(palette_add_picture(&p, &picture, &reason));
    assert_int_equal(p.count, 4);
    assert_memory_equal(p.colours[2], ((uint8_t[3]){ 9, 9, 9 }), 3);
    picture_free(&picture);
    // 256 colours and no more.
    assert_true(picture_create(&picture, PIXEL_U8, 1, 256, 1));
    for (int i = 0; i < 256; i++)
        ((uint8_t *)picture.samples)[i] = (uint8_t)i;
    p.count = 0;
    assert_true(palette_add_picture(&p, &picture, &reason));
    p.colours[0][1] = 77;
    assert_false(palette_add_picture(&p, &picture, &reason));
    picture_free(&picture);
    assert_true(picture_create(&picture, PIXEL_U16, 1, 2, 1));
    assert_false(palette_add_picture(&p, &picture, &reason));
    picture_free(&picture);
}

// Of four classes the last is nowhere and the third only in the output.
static void test_scores(void **state)
{
    (void)state;
    static const struct palette p = {
        .count = 4,
        .colours = { { 0, 0, 0 }, { 255, 0, 0 }, { 0, 255, 0 }, { 0, 0, 255 } },
    };
    static const uint8_t target[][3] = { { 0, 0, 0 },
                                         { 0, 0, 0 },
                                         { 0, 10, 0 },
                                         { 250, 9, 0 },
                                         { 255, 0, 0 } },
                         output[][3] = { { 0, 0, 0 },
                                         { 3, 3, 3 },
                                         { 0, 255, 0 },
                                         { 255, 0, 0 },
                                         { 20, 0, 0 } };
    static const uint64_t expected[4][4] = { { 2, 0, 1, 0 }, { 1, 1, 0, 0 } };
    struct picture x, y;
    struct confusion c;
    make_row(&x, 3, output, 5);
    make_row(&y, 3, target, 5);
    assert_true(confusion_create(&c, 4));
    struct pix_label_scores s = labels_score(&c);
    assert_true(isnan(s.pixel_accuracy) && isnan(s.class_accuracy) &&
                isnan(s.mean_iou));
    labels_compare(&p, &x, &y, &c);
    assert_memory_equal(c.pixels, expected, sizeof(expected));
    assert_true(c.strange == 2);    // of the target
    s = labels_score(&c);
    assert_true(fabs(s.pixel_accuracy - 3.0 / 5) < 1e-12);
    assert_true(fabs(s.class_accuracy - (2.0 / 3 + 1.0 / 2) / 2) < 1e-12);
    // 2 of 4, 1 of 2, 0 of 1.
    assert_true(fabs(s.mean_iou - (0.5 + 0.5 + 0) / 3) < 1e-12);

    struct confusion sum, flat;
    assert_true(confusion_create(&sum, 4) && confusion_create(&flat, 4));
    confusion_add(&sum, &c);
    confusion_add(&sum, &c);
    assert_true(sum.strange == 4);
    assert_true(sum.pixels[0] == 4 && sum.pixels[2] == 2);
    labels_compare_colour(&p, (double[3]){ 254.6, 0.2, 1 }, &y, &flat);
    assert_true(flat.pixels[0 * 4 + 1] == 3 && flat.pixels[1 * 4 + 1] == 2);
    confusion_free(&c);
    confusion_free(&sum);
    confusion_free(&flat);
    picture_free(&x);
    picture_free(&y);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_palette),
        cmocka_unit_test(test_colours_of_pictures),
        cmocka_unit_test(test_scores),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
