// SPDX-License-Identifier: MIT
//
// What is said of pairs that may be none: halves and sides of other shapes, kinds that
// differ. One warning each, whatever the number of files, and none for usual data.

#include "data/pair_tally.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "data/data_folder.h"
#include "data/dataset.h"
#include "data/picture_file.h"
#include "support/log.h"
#include "support/size.h"
#include "support/tree.h"

#define DATA "test_pair_tally.scratch"
#define TRAIN DATA "/train"

enum { SIDE = 16 };

static int setup(void **state)
{
    (void)state;
    test_keep_messages(LOG_WARN);
    test_remove_tree(DATA);
    return file_make_folder(TRAIN "/A") && file_make_folder(TRAIN "/B") ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    test_remove_tree(DATA);
    log_use(NULL);
    return 0;
}

static void write_image(const char *path, enum pixel_kind kind, uint32_t channels)
{
    struct picture p;
    assert_true(picture_create(&p, kind, channels, SIDE, SIDE));
    assert_true(picture_write(path, &p));
    picture_free(&p);
}

static void write_blank(const char *path, enum pixel_kind kind, uint32_t width,
                        uint32_t height)
{
    struct picture p;
    assert_true(picture_create(&p, kind, 3, width, height));
    assert_true(picture_write(path, &p));
    picture_free(&p);
}

static struct dataset_options options(void)
{
    return (struct dataset_options){
        .input_kind = PIXEL_KINDS,
        .output_kind = PIXEL_KINDS,
        .fit = { FIT_RESIZE, { SIDE, SIDE }, { SIDE, SIDE }, RESIZE_BICUBIC, false },
    };
}

// How many pairs can be used. The messages are in test_messages.
static uint32_t count_pairs(const struct dataset_options *o)
{
    const enum data_files files = task_makes_sides(&o->task) ? DATA_IMAGES : DATA_PAIRS;
    struct pair_list list;
    uint32_t count = 0;
    test_forget_messages();
    assert_true(data_folder_list(DATA, "train", files, &list));
    struct dataset *set = dataset_create(o, &list);
    if (set)
        count = dataset_count(set);
    dataset_destroy(set);
    pair_list_free(&list);
    return count;
}

static void test_halves(void **state)
{
    struct dataset_options o = options();
    (void)state;
    // Square halves, as nearly as anybody sees; an odd column is B's.
    write_blank(TRAIN "/a.png", PIXEL_U8, 512, 256);
    write_blank(TRAIN "/b.png", PIXEL_U8, 41, 20);
    write_blank(TRAIN "/c.png", PIXEL_U8, 200, 92);
    assert_int_equal(count_pairs(&o), 3);
    assert_int_equal(test_messages.warnings, 0);

    write_blank(TRAIN "/d.png", PIXEL_U8, 256, 256);
    write_blank(TRAIN "/e.png", PIXEL_U8, 100, 100);
    write_blank(TRAIN "/f.png", PIXEL_U8, 200, 89);
    for (o.threads = 1; o.threads < 5; o.threads++) {
        assert_int_equal(count_pairs(&o), 6);
        assert_string_equal(
            test_messages.text,
            "dataset: in 3 of 6 images the halves A and B are stretched to "
            "squares (first: " TRAIN "/d.png, halves of 128x256): "
            "check that each image is a pair, with A on the left and B on the "
            "right\n");
    }
}

// Images of a task are no pairs, and nothing that is said of them takes them for some.
static void test_images(void **state)
{
    struct dataset_options o = options();
    (void)state;
    write_blank(TRAIN "/a.png", PIXEL_U8, 20, 20);
    write_blank(TRAIN "/b.png", PIXEL_U8, 20, 30);
    write_blank(TRAIN "/c.png", PIXEL_U16, 20, 20);
    o.task = (struct task){ .kind = TASK_DENOISE };
    assert_int_equal(count_pairs(&o), 2);
    assert_string_equal(
        test_messages.text,
        "dataset: skipping 1 of 3 images not of u8 (first: " TRAIN
        "/c.png, which is u16). All images have one kind, that of most files unless "
        "--output-kind names another: convert the files\n"
        "dataset: 1 of 3 images is stretched to squares (first: " TRAIN
        "/b.png, 20x30): --preprocess crop or scale_width_and_crop keeps their "
        "shapes\n");

    // Colours are of three channels, whatever is asked for.
    write_image(TRAIN "/d.png", PIXEL_U8, 1);
    o.task = (struct task){ .kind = TASK_COLORIZE };
    o.input_nc = 1;
    o.output_nc = 2;
    o.input_kind = o.output_kind = PIXEL_F32;
    assert_int_equal(count_pairs(&o), 4);
    test_check_message("dataset: 1 of 4 images is grey (first: " TRAIN
                       "/d.png): networks learn from them that there are no "
                       "colours\n");
}

static void test_sides(void **state)
{
    struct dataset_options o = options();
    (void)state;
    // Equal shapes, of whatever size, are pairs.
    write_blank(TRAIN "/A/a.png", PIXEL_U8, 40, 30);
    write_blank(TRAIN "/B/a.png", PIXEL_U8, 80, 60);
    assert_int_equal(count_pairs(&o), 1);
    assert_int_equal(test_messages.warnings, 0);
    write_blank(TRAIN "/A/b.png", PIXEL_U8, 30, 40);
    write_blank(TRAIN "/B/b.png", PIXEL_U8, 40, 30);
    o.swap = true;
    assert_int_equal(count_pairs(&o), 2);
    assert_string_equal(test_messages.text,
                        "dataset: in 1 of 2 pairs A and B differ in shape and are "
                        "stretched to squares, each in its own way (first: " TRAIN
                        "/A/b.png, A is 30x40, B 40x30): check that they show the "
                        "same. In 1 of them width and height are exchanged: A or B has "
                        "probably lost its EXIF orientation and has to be turned "
                        "upright\n");
    // What is not resized is not stretched.
    o.fit.mode = FIT_WHOLE;
    assert_int_equal(count_pairs(&o), 0);
    assert_null(strstr(test_messages.text, "differ in shape"));
}

// What the other modes pad and cut, in one message each.
static void test_fitted(void **state)
{
    struct dataset_options o = options();
    (void)state;
    write_blank(TRAIN "/a.png", PIXEL_U8, 40, 20);
    write_blank(TRAIN "/b.png", PIXEL_U8, 32, 16);
    write_blank(TRAIN "/c.png", PIXEL_U8, 40, 30);
    o.fit = (struct fit){ FIT_CROP, { 18, 18 }, { 18, 16 } };
    assert_int_equal(count_pairs(&o), 3);
    assert_string_equal(test_messages.text,
                        "dataset: 1 of 3 pairs is smaller than 18x16 and padded by "
                        "reflection (first: " TRAIN "/b.png, 16x16)\n");
    o.fit.mode = FIT_WIDTH;
    assert_int_equal(count_pairs(&o), 3);
    assert_string_equal(
        test_messages.text,
        "dataset: of 3 of 3 pairs only the middle, 18x16, is used (first: " TRAIN
        "/a.png, scaled to 18x18): choose a larger --crop-size, or --preprocess "
        "scale_width_and_crop\n");
    o.fit.mode = FIT_WIDTH_CROP;
    assert_int_equal(count_pairs(&o), 3);
    assert_string_equal(test_messages.text, "");
    o.fit.mode = FIT_WHOLE;
    assert_int_equal(count_pairs(&o), 1);
    test_check_message("1 of 3 pairs is smaller than 18x16");

    test_keep_messages(LOG_INFO);
    o.fit.mode = FIT_CROP;
    o.fit.centred = true;
    assert_int_equal(count_pairs(&o), 3);
    test_check_message(
        "dataset: of 2 of 3 pairs the middle, 18x16, is compared (first: " TRAIN
        "/a.png, 20x20)\n");
}

static void test_fitted_sides(void **state)
{
    struct dataset_options o = options();
    (void)state;
    write_blank(TRAIN "/A/a.png", PIXEL_U8, 100, 30);
    write_blank(TRAIN "/B/a.png", PIXEL_U8, 50, 15);
    o.fit = (struct fit){ FIT_WIDTH_CROP, { 60, 60 }, { 16, 16 } };
    assert_int_equal(count_pairs(&o), 1);
    assert_string_equal(test_messages.text, "");
    write_blank(TRAIN "/B/a.png", PIXEL_U8, 50, 30);
    assert_int_equal(count_pairs(&o), 1);
    assert_string_equal(test_messages.text,
                        "dataset: in 1 of 1 pair A and B differ in shape and B is "
                        "stretched to the shape of A (first: " TRAIN
                        "/A/a.png, A is 100x30, B 50x30): check that they show the "
                        "same\n");
}

// Most files decide, not the first one.
static void test_kinds(void **state)
{
    struct dataset_options o = options();
    (void)state;
    write_blank(TRAIN "/A/a.png", PIXEL_U16, 8, 8);
    write_blank(TRAIN "/A/b.png", PIXEL_U8, 8, 8);
    write_blank(TRAIN "/A/c.bmp", PIXEL_U8, 8, 8);
    write_blank(TRAIN "/A/d.npy", PIXEL_F32, 8, 8);
    write_blank(TRAIN "/B/a.png", PIXEL_U8, 8, 8);
    write_blank(TRAIN "/B/b.npy", PIXEL_F32, 8, 8);
    write_blank(TRAIN "/B/c.npy", PIXEL_F32, 8, 8);
    write_blank(TRAIN "/B/d.npy", PIXEL_F32, 8, 8);
    assert_int_equal(count_pairs(&o), 2);
    assert_int_equal(test_messages.warnings, 1);
    test_check_message(
        "dataset: skipping 2 of 4 pairs: their input is not u8 (first: " TRAIN
        "/A/a.png, which is u16)");
    o.swap = true;
    assert_int_equal(count_pairs(&o), 2);
    assert_int_equal(test_messages.warnings, 2);
    test_check_message("skipping 1 of 4 pairs: their input is not f32 (first: " TRAIN
                       "/B/a.png, which is u8)");
    test_check_message("skipping 1 of 4 pairs: their target is not u8 (first: " TRAIN
                       "/A/d.npy, which is f32)");
    test_check_message("--output-kind names another");
    // Of equally many the kind of the first file; only files that are used count.
    o.swap = false;
    o.max_size = 2;
    assert_int_equal(count_pairs(&o), 1);
    test_check_message("their input is not u16 (first: " TRAIN
                       "/A/b.png, which is u8)");
    o.max_size = 0;
    o.input_kind = PIXEL_U16;
    o.output_kind = PIXEL_U8;
    assert_int_equal(count_pairs(&o), 1);
    test_check_message("skipping 3 of 4 pairs: their input is not u16");
}

// Wrong channels are the reason where the kind is wrong, too.
static void test_channels(void **state)
{
    struct dataset_options o = options();
    struct picture p;
    (void)state;
    write_blank(TRAIN "/A/a.png", PIXEL_U8, 8, 8);
    write_blank(TRAIN "/A/b.png", PIXEL_U8, 8, 8);
    assert_true(picture_create(&p, PIXEL_F32, 5, 8, 8));
    assert_true(picture_write(TRAIN "/A/c.npy", &p));
    picture_free(&p);
    write_blank(TRAIN "/B/a.png", PIXEL_U8, 8, 8);
    write_blank(TRAIN "/B/b.png", PIXEL_U8, 8, 8);
    write_blank(TRAIN "/B/c.png", PIXEL_U8, 8, 8);
    assert_int_equal(count_pairs(&o), 2);
    assert_string_equal(
        test_messages.text,
        "dataset: skipping 1 of 3 pairs: their input does not have 3 channels (first: " TRAIN
        "/A/c.npy, which has 5): --input-nc 5 takes such files\n");
    // What an image has to be converted for is told, not a warning.
    assert_true(picture_create(&p, PIXEL_U8, 1, 8, 8));
    assert_true(picture_write(TRAIN "/A/c.png", &p));
    picture_free(&p);
    assert_int_equal(remove(TRAIN "/A/c.npy"), 0);
    o.output_nc = 1;
    test_keep_messages(LOG_INFO);
    assert_int_equal(count_pairs(&o), 3);
    assert_string_equal(
        test_messages.text,
        "dataset: 1 of 3 pairs have a grey input, which is repeated for red, green and "
        "blue (first: " TRAIN "/A/c.png); --input-nc 1 takes grey alone\n"
        "dataset: 3 of 3 pairs have a target in colours, which is made grey (first: " TRAIN
        "/B/a.png); --output-nc 3 keeps them\n");
    assert_int_equal(test_messages.warnings, 0);
}

// Resizing overshoots at edges: targets within [-1, 1] are within it.
static void test_range(void **state)
{
    struct dataset_options o = options();
    struct picture p;
    (void)state;
    write_blank(TRAIN "/A/a.png", PIXEL_U8, 9, 9);
    assert_true(picture_create(&p, PIXEL_F32, 3, 9, 9));
    float *samples = p.samples;
    for (size_t i = 0; i < picture_bytes(&p) / sizeof(*samples); i++)
        samples[i] = i % 9 < 4 ? -1.0f : 1.0f;
    assert_true(picture_write(TRAIN "/B/a.npy", &p));
    assert_int_equal(count_pairs(&o), 1);
    assert_string_equal(test_messages.text, "");
    samples[0] = 1.5f;
    assert_true(picture_write(TRAIN "/B/a.npy", &p));
    picture_free(&p);
    assert_int_equal(count_pairs(&o), 1);
    test_check_message("dataset: 1 of 1 target has values outside [-1, 1]");
}

// Masks of 0 and 1 as NumPy has integers, next to arrays that use the range.
#define NARROW                                                                         \
    "dataset: 1 of 1 pair has an array of integers that are not u1, though none is "   \
    "above 255 (first: " TRAIN "/B/a.npy)"
#define DARK(most)                                                                     \
    "dataset: no sample of the 1 target is above " most                                \
    ", so that of 0 to 65535 they are nearly black. --output-range 0:" most            \
    ", or auto"

static void test_narrow(void **state)
{
    static const struct {
        const char *type;
        uint32_t bytes, most;
        const char *said;
    } cases[] = {
        { "<i8", 8, 1, NARROW },
        { "<i4", 4, 255, NARROW },
        { "<i4", 4, 256, DARK("256") },
        { "<i2", 2, 0, NULL },
        { "<u4", 4, 7, NARROW },
        { "<u2", 2, 1, DARK("1") },
        { "|i1", 1, 1, NULL },
        { "|u1", 1, 1, NULL },
        { "<u2", 2, 16383, DARK("16383") },
        { "<u2", 2, 16384, NULL },
    };
    struct dataset_options o = options();
    (void)state;
    o.output_nc = 1;
    write_blank(TRAIN "/A/a.png", PIXEL_U8, 8, 4);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint8_t file[512] = "\x93NUMPY\1\0";
        const size_t samples = (size_t)8 * 4 * cases[i].bytes;
        const int length = snprintf((char *)file + 10, 100,
                                    "{'descr': '%s', 'fortran_order': False, "
                                    "'shape': (4, 8), }",
                                    cases[i].type);
        file[8] = (uint8_t)length;
        uint8_t *last = file + 10 + length + samples - cases[i].bytes;
        last[0] = (uint8_t)cases[i].most;
        if (cases[i].bytes > 1)
            last[1] = (uint8_t)(cases[i].most >> 8);
        assert_true(file_write(TRAIN "/B/a.npy", file, 10 + (size_t)length + samples));
        assert_int_equal(count_pairs(&o), 1);
        if (!cases[i].said)
            assert_string_equal(test_messages.text, "");
        else
            test_check_message(cases[i].said);
        // Not of both.
        if (cases[i].said)
            assert_null(strchr(strchr(test_messages.text, '\n') + 1, '\n'));
    }
}

// More files than are looked at: the sample is spread over all of them.
static void test_many(void **state)
{
    enum { COUNT = 3000, FIRST = 1300 };
    struct pair_file files[COUNT];
    struct pair_list list = { .files = files, .count = COUNT };
    struct pair_options o = { .input_kind = PIXEL_KINDS, .output_kind = PIXEL_F32 };
    struct reason reason;
    const char *culprit;
    (void)state;
    write_blank(TRAIN "/a.png", PIXEL_U16, 8, 4);
    write_blank(TRAIN "/b.png", PIXEL_U8, 8, 4);
    static char first[] = TRAIN "/a.png", rest[] = TRAIN "/b.png";
    for (int i = 0; i < COUNT; i++)
        files[i] = (struct pair_file){ .a = i < FIRST ? first : rest };
    assert_true(pair_list_find_kinds(&list, COUNT, &o, &culprit, &reason));
    assert_int_equal(o.input_kind, PIXEL_U8);
    assert_int_equal(o.output_kind, PIXEL_F32);
    o.input_kind = PIXEL_KINDS;
    assert_true(pair_list_find_kinds(&list, 2 * FIRST - 1, &o, &culprit, &reason));
    assert_int_equal(o.input_kind, PIXEL_U16);
}

// Photos as cameras store them: counted once, with the first one.
static void test_turned(void **state)
{
    static const uint8_t exif[] = {
        0xff, 0xe1, 0, 34, 'E', 'x', 'i', 'f', 0, 0, 'M', 'M', 0, 42, 0, 0, 0, 8,
        0,    1,    1, 18, 0,   3,   0,   0,   0, 1, 0,   6,   0, 0,  0, 0, 0, 0,
    };
    struct dataset_options o = options();
    void *data;
    size_t size;
    (void)state;
    write_blank(TRAIN "/A/a.jpg", PIXEL_U8, 8, 8);
    write_blank(TRAIN "/B/a.jpg", PIXEL_U8, 8, 8);
    write_blank(TRAIN "/A/b.jpg", PIXEL_U8, 8, 8);
    write_blank(TRAIN "/A/c.jpg", PIXEL_U8, 8, 8);
    assert_true(file_read(TRAIN "/A/a.jpg", &data, &size));
    uint8_t *turned = mem_alloc(size + sizeof(exif));
    memcpy(turned, data, 2);
    memcpy(turned + 2, exif, sizeof(exif));
    memcpy(turned + 2 + sizeof(exif), (uint8_t *)data + 2, size - 2);
    assert_true(file_write(TRAIN "/B/b.jpg", turned, size + sizeof(exif)));
    assert_true(file_write(TRAIN "/B/c.jpg", turned, size + sizeof(exif)));
    mem_free(turned);
    mem_free(data);
    test_keep_messages(LOG_INFO);
    assert_int_equal(count_pairs(&o), 3);
    assert_string_equal(
        test_messages.text,
        "dataset: 2 of 3 pairs have an image that was turned upright, as its EXIF "
        "orientation asks for (first: " TRAIN "/B/b.jpg, orientation 6)" PICTURE_KEEP
        "\n");
}

// JPEG files that end early are skipped, or used and counted, in both layouts.
static void test_unfinished(void **state)
{
    struct dataset_options o = options();
    void *data;
    size_t size;
    (void)state;
    write_blank(TRAIN "/A/a.jpg", PIXEL_U8, 40, 40);
    write_blank(TRAIN "/B/a.jpg", PIXEL_U8, 40, 40);
    write_blank(TRAIN "/A/b.jpg", PIXEL_U8, 40, 40);
    assert_true(file_read(TRAIN "/A/a.jpg", &data, &size));
    assert_true(file_write(TRAIN "/B/b.jpg", data, size - 9));
    mem_free(data);
    assert_int_equal(count_pairs(&o), 1);
    test_check_message("b.jpg: truncated JPEG");
    o.reading.keep_truncated = true;
    assert_int_equal(count_pairs(&o), 2);
    assert_string_equal(
        test_messages.text,
        "dataset: 1 of 2 pairs have an image that ends early (first: " TRAIN
        "/B/b.jpg): what is missing is grey, and networks learn it\n");
}

// Files of several pages: the first is used, or another one.
static void test_pages(void **state)
{
    struct dataset_options o = options();
    void *data;
    size_t size;
    (void)state;
#ifndef PIX_HAVE_TIFF
    print_message("skipped: this build is without libtiff\n");
    skip();
#endif
    assert_true(file_read(TEST_FIXTURES "/tiff/pages.tif", &data, &size));
    assert_true(file_write(TRAIN "/A/a.tif", data, size));
    mem_free(data);
    write_blank(TRAIN "/A/b.png", PIXEL_U8, 8, 8);
    write_blank(TRAIN "/B/a.png", PIXEL_U8, 4, 4);
    write_blank(TRAIN "/B/b.png", PIXEL_U8, 8, 8);
    test_keep_messages(LOG_INFO);
    assert_int_equal(count_pairs(&o), 2);
    test_check_message("dataset: 1 of 2 pairs have a file of several pages, of "
                       "which the first is used (first: " TRAIN
                       "/A/a.tif, 3 pages); --page N uses another\n");
    // Whoever names the first is not told of it.
    test_forget_messages();
    o.reading.page = 1;
    assert_int_equal(count_pairs(&o), 2);
    assert_null(strstr(test_messages.text, "several pages"));
    // The second has 16 bits, the fourth is missing.
    test_forget_messages();
    o.reading.page = 2;
    o.input_kind = PIXEL_U16;
    assert_int_equal(count_pairs(&o), 1);
    assert_null(strstr(test_messages.text, "several pages"));
    o.reading.page = 4;
    assert_int_equal(count_pairs(&o), 0);
    test_check_message("has no page 4: it has 3");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_halves), TEST(test_images),       TEST(test_sides),
        TEST(test_fitted), TEST(test_fitted_sides), TEST(test_kinds),
        TEST(test_many),   TEST(test_turned),       TEST(test_channels),
        TEST(test_range),  TEST(test_narrow),       TEST(test_unfinished),
        TEST(test_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
