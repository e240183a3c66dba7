// SPDX-License-Identifier: MIT
//
// The stream of samples: the same whatever the threads and the cache, each image once
// an epoch, the right pixels on the right side, and what is said of broken folders.

#include "data/dataset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "data/image.h"

#ifndef TEST_FIXTURES
#define TEST_FIXTURES "tests/support/fixtures"
#endif
#define SCRATCH "test_dataset.scratch"

enum { IMAGES = 7, LOAD = 16, CROP = 12, PAIR = 2 * LOAD * LOAD * 3 };

static int errors, warnings;
static char text[8192];

static void keep_message(void *user, enum log_level level, const char *message)
{
    (void)user;
    errors += level == LOG_ERROR;
    warnings += level == LOG_WARN;
    if (strlen(text) + strlen(message) + 2 < sizeof(text)) {
        strcat(text, message);
        strcat(text, "\n");
    }
}

static const struct log_sink sink = { keep_message, NULL, LOG_WARN };

static void remove_files(void)
{
    struct file_list list;
    if (!file_is_folder(SCRATCH) || !file_list_read(SCRATCH, &list))
        return;
    for (size_t i = 0; i < list.count; i++) {
        char *path = file_join(SCRATCH, list.names[i]);
        file_remove(path);
        mem_free(path);
    }
    file_list_free(&list);
}

// Left and right half of flat colour, or with a slope down.
static void write_pair(const char *name, uint32_t width, uint32_t height, uint8_t left,
                       uint8_t right, bool sloped)
{
    struct pix_image image;
    assert_true(image_create(&image, width, height));
    for (uint32_t y = 0; y < height; y++) {
        for (uint32_t x = 0; x < width * 3; x++)
            image.pixels[(size_t)y * width * 3 + x] =
                (uint8_t)((x < width / 2 * 3 ? left : right) + (sloped ? y : 0));
    }
    char *path = file_join(SCRATCH, name);
    assert_true(image_write(path, &image));
    mem_free(path);
    image_free(&image);
}

// Image i is named so that byte-wise order is a..g, has left colour 10 i and right
// colour 100 + 10 i, and a size of its own.
static void write_images(void)
{
    for (uint32_t i = 0; i < IMAGES; i++) {
        char name[16];
        snprintf(name, sizeof(name), "%c.%s", 'a' + (int)i, i % 2 ? "PNG" : "bmp");
        write_pair(name, 40 + 2 * i, 20 + i, (uint8_t)(10 * i), (uint8_t)(100 + 10 * i),
                   false);
    }
}

static int setup(void **state)
{
    (void)state;
    errors = warnings = 0;
    text[0] = '\0';
    log_use(&sink);
    remove_files();
    return file_make_folder(SCRATCH) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    remove_files();
    log_use(NULL);
    return 0;
}

static struct dataset_options options(void)
{
    return (struct dataset_options){
        .folder = SCRATCH,
        .resize = true,
        .load_size = LOAD,
        .crop_size = CROP,
        .flip = true,
        .shuffle = true,
        .seed = 5,
    };
}

static bool same_sample(const struct dataset_sample *a, const struct dataset_sample *b)
{
    return a->crop_x == b->crop_x && a->crop_y == b->crop_y && a->mirror == b->mirror &&
           a->epoch == b->epoch && a->image == b->image;
}

static void test_epochs(void **state)
{
    enum { EPOCHS = 60 };
    struct dataset_options o = options();
    int mirrored = 0, same_order = 0;
    uint32_t offsets_x = 0, offsets_y = 0, before[IMAGES] = { 0 };
    (void)state;

    write_images();
    struct dataset *set = dataset_create(&o);
    assert_non_null(set);
    assert_int_equal(dataset_count(set), IMAGES);
    assert_int_equal(dataset_skipped(set), 0);
    assert_string_equal(dataset_name(set, 0), "a.bmp");
    assert_string_equal(dataset_name(set, 5), "f.PNG");

    uint8_t pixels[PAIR];
    for (uint64_t epoch = 0; epoch < EPOCHS; epoch++) {
        uint32_t seen = 0, same = 0;
        for (uint32_t i = 0; i < IMAGES; i++) {
            struct dataset_sample s, d;
            assert_true(dataset_next(set, &s, pixels));
            dataset_describe(set, epoch * IMAGES + i, &d);
            assert_true(same_sample(&s, &d));
            assert_true(s.epoch == epoch);
            assert_true(s.image < IMAGES && s.mirror <= 1);
            assert_true(s.crop_x <= LOAD - CROP && s.crop_y <= LOAD - CROP);
            assert_int_equal(pixels[0], 10 * s.image);
            assert_int_equal(pixels[PAIR / 2 - 1], 10 * s.image);
            assert_int_equal(pixels[PAIR / 2], 100 + 10 * s.image);
            assert_int_equal(pixels[PAIR - 1], 100 + 10 * s.image);
            seen |= 1u << s.image;
            same += s.image == before[i];
            before[i] = s.image;
            mirrored += (int)s.mirror;
            offsets_x |= 1u << s.crop_x;
            offsets_y |= 1u << s.crop_y;
        }
        assert_int_equal(seen, (1u << IMAGES) - 1);
        same_order += same == IMAGES;
    }
    assert_in_range(same_order, 0, 2);
    assert_in_range(mirrored, EPOCHS * IMAGES / 2 - 60, EPOCHS * IMAGES / 2 + 60);
    assert_int_equal(offsets_x, 31);    // 0 .. 4, all of them
    assert_int_equal(offsets_y, 31);
    dataset_destroy(set);
    dataset_destroy(NULL);
    assert_int_equal(errors + warnings, 0);
}

// Threads, cache and the starting point change nothing.
static void test_pure(void **state)
{
    enum { COUNT = 60 };
    static const struct {
        uint32_t threads;
        uint64_t cache_bytes, first_sample;
    } cases[] = {
        { 1, 0, 0 },        { 4, 0, 0 },  { 1, 1, 0 },         { 5, 1, 0 },
        { 3, 3 * PAIR, 0 }, { 0, 1, 17 }, { 2, 2 * PAIR, 33 },
    };
    static struct dataset_sample samples[COUNT];
    static uint8_t expected[COUNT][PAIR], pixels[PAIR];
    struct dataset_options o = options();
    (void)state;

    write_images();
    for (uint32_t i = 0; i < IMAGES; i++) {    // pixels that differ within an image
        char name[16];
        snprintf(name, sizeof(name), "s%u.png", (unsigned)i);
        write_pair(name, 50, 31 + i, (uint8_t)(10 * i), (uint8_t)(200 - i), true);
    }
    for (size_t c = 0; c < ARRAY_LEN(cases); c++) {
        o.threads = cases[c].threads;
        o.cache_bytes = cases[c].cache_bytes;
        o.first_sample = cases[c].first_sample;
        struct dataset *set = dataset_create(&o);
        assert_non_null(set);
        for (uint64_t i = o.first_sample; i < COUNT; i++) {
            struct dataset_sample s;
            assert_true(dataset_next(set, &s, pixels));
            if (c == 0) {
                samples[i] = s;
                memcpy(expected[i], pixels, PAIR);
            }
            assert_true(same_sample(&s, &samples[i]));
            assert_memory_equal(pixels, expected[i], PAIR);
        }
        for (uint64_t i = COUNT; i-- > 0;) {    // in any order
            struct dataset_sample s;
            dataset_describe(set, i, &s);
            assert_true(same_sample(&s, &samples[i]));
        }
        dataset_destroy(set);
    }

    // Another seed is another stream; its jitter does not repeat from epoch to epoch.
    o.seed = 6;
    struct dataset *set = dataset_create(&o);
    int same = 0, repeated = 0;
    for (uint64_t i = 0; i < COUNT; i++) {
        struct dataset_sample s;
        dataset_describe(set, i, &s);
        same += same_sample(&s, &samples[i]);
        if (i + 14 < COUNT)
            repeated += samples[i].crop_x == samples[i + 14].crop_x &&
                        samples[i].crop_y == samples[i + 14].crop_y &&
                        samples[i].mirror == samples[i + 14].mirror;
    }
    assert_true(same < 10 && repeated < 10);
    dataset_destroy(set);
    assert_int_equal(errors, 0);
}

static void test_options(void **state)
{
    struct dataset_options o = options();
    struct dataset_sample s;
    uint8_t pixels[PAIR];
    (void)state;

    write_images();
    o.swap = true;
    o.shuffle = false;
    o.flip = false;
    o.max_size = 3;
    o.crop_size = LOAD;
    struct dataset *set = dataset_create(&o);
    assert_int_equal(dataset_count(set), 3);
    for (uint32_t i = 0; i < 10; i++) {
        assert_true(dataset_next(set, &s, pixels));
        assert_int_equal(s.image, i % 3);
        assert_int_equal(s.mirror + s.crop_x + s.crop_y, 0);
        assert_int_equal(pixels[0], 100 + 10 * s.image);
        assert_int_equal(pixels[PAIR / 2], 10 * s.image);
    }
    dataset_destroy(set);
}

// The pixels are those of cutting and resizing by hand.
static void test_pixels(void **state)
{
    struct dataset_options o = options();
    struct pix_image image, a, b, small;
    struct dataset_sample s;
    uint8_t pixels[PAIR];
    (void)state;

    write_pair("odd.png", 41, 33, 0, 90, true);
    struct dataset *set = dataset_create(&o);
    assert_true(dataset_next(set, &s, pixels));
    dataset_destroy(set);

    assert_true(image_read(SCRATCH "/odd.png", &image, NULL, 0));
    assert_true(image_split(&image, &a, &b));
    assert_true(image_resize(&a, LOAD, LOAD, &small));
    assert_memory_equal(pixels, small.pixels, PAIR / 2);
    image_free(&small);
    assert_true(image_resize(&b, LOAD, LOAD, &small));
    assert_memory_equal(pixels + PAIR / 2, small.pixels, PAIR / 2);
    image_free(&small);
    image_free(&a);
    image_free(&b);
    image_free(&image);
}

static void copy_fixture(const char *name, const char *as)
{
    void *data;
    size_t size;
    char *from = file_join(TEST_FIXTURES "/images", name);
    char *to = file_join(SCRATCH, as);
    assert_true(file_read(from, &data, &size));
    assert_true(file_write(to, data, size));
    mem_free(data);
    mem_free(from);
    mem_free(to);
}

static void test_broken(void **state)
{
    struct dataset_options o = options();
    (void)state;

    write_images();
    copy_fixture("truncated.png", "b1.png");
    copy_fixture("truncated.jpg", "b2.jpg");
    copy_fixture("text.png", "zz.png");
    write_pair("c1.png", 1, 5, 0, 0, false);
    assert_true(file_write(SCRATCH "/notes.txt", "x", 1));
    assert_true(file_write(SCRATCH "/.hidden.png", "x", 1));

    struct dataset *set = dataset_create(&o);
    assert_non_null(set);
    assert_int_equal(dataset_count(set), IMAGES);
    assert_int_equal(dataset_skipped(set), 4);
    assert_int_equal(warnings, 4);
    assert_int_equal(errors, 0);
    assert_string_equal(text, "dataset: skipping " SCRATCH "/b1.png: truncated PNG\n"
                              "dataset: skipping " SCRATCH "/b2.jpg: truncated JPEG\n"
                              "dataset: skipping " SCRATCH
                              "/c1.png: is 1x5, too narrow for a pair side by side\n"
                              "dataset: skipping " SCRATCH
                              "/zz.png: not a PNG, JPEG, BMP or TGA image\n");
    assert_string_equal(dataset_name(set, 2), "c.bmp");
    assert_string_equal(dataset_name(set, 3), "d.PNG");
    for (uint32_t i = 0; i < 3 * IMAGES; i++) {
        struct dataset_sample s;
        uint8_t pixels[PAIR];
        assert_true(dataset_next(set, &s, pixels));
        assert_int_equal(pixels[0], 10 * s.image);
    }
    dataset_destroy(set);
    assert_true(file_remove(SCRATCH "/.hidden.png"));
}

static void test_not_resized(void **state)
{
    struct dataset_options o = options();
    struct dataset_sample s;
    uint8_t pixels[PAIR];
    (void)state;

    write_pair("fits.png", 2 * LOAD, LOAD, 1, 2, true);
    write_pair("wide.png", 2 * LOAD + 1, LOAD, 1, 2, false);
    write_pair("high.png", 2 * LOAD, LOAD + 1, 1, 2, false);
    o.resize = false;
    struct dataset *set = dataset_create(&o);
    assert_non_null(set);
    assert_int_equal(dataset_count(set), 1);
    assert_int_equal(dataset_skipped(set), 2);
    assert_non_null(strstr(text, "high.png: is 32x17, needs 32x16"));
    assert_true(dataset_next(set, &s, pixels));
    for (uint32_t y = 0; y < LOAD; y++) {
        assert_int_equal(pixels[y * LOAD * 3], 1 + y);
        assert_int_equal(pixels[PAIR / 2 + y * LOAD * 3], 2 + y);
    }
    dataset_destroy(set);
}

static void test_nothing(void **state)
{
    struct dataset_options o = options();
    (void)state;

    assert_null(dataset_create(&o));
    assert_int_equal(errors, 1);
    assert_non_null(strstr(log_last_error(), "no images in " SCRATCH));
    assert_non_null(strstr(log_last_error(), ".jpeg"));
    assert_true(file_write(SCRATCH "/notes.txt", "x", 1));
    assert_null(dataset_create(&o));
    assert_int_equal(errors, 2);

    copy_fixture("empty.png", "a.png");
    assert_null(dataset_create(&o));
    assert_int_equal(warnings, 1);
    assert_int_equal(errors, 3);
    assert_non_null(strstr(log_last_error(), "none of the 1 images"));

    o.folder = SCRATCH "/absent";
    assert_null(dataset_create(&o));
    assert_int_equal(errors, 4);
    assert_non_null(strstr(log_last_error(), SCRATCH "/absent is not a folder"));
    o.folder = SCRATCH "/a.png";
    assert_null(dataset_create(&o));
    assert_int_equal(errors, 5);
}

// A file that goes while training: the thread that asks is told, once for each time it
// asks, and the samples before it still come.
static void test_file_goes(void **state)
{
    struct dataset_options o = options();
    struct dataset_sample s;
    uint8_t pixels[PAIR];
    (void)state;

    write_images();
    o.cache_bytes = 1;
    o.shuffle = false;
    o.threads = 2;
    struct dataset *set = dataset_create(&o);
    assert_non_null(set);
    assert_true(file_remove(SCRATCH "/e.bmp"));
    // What was decoded ahead may still come from before.
    uint32_t given = 0;
    while (given < 100 && dataset_next(set, &s, pixels)) {
        assert_int_equal(s.image, given % IMAGES);
        assert_int_equal(pixels[0], 10 * s.image);
        given++;
    }
    assert_int_equal(given % IMAGES, 4);
    assert_true(given < 40);
    assert_int_equal(errors, 1);
    assert_non_null(strstr(log_last_error(), "e.bmp can no longer be read"));
    assert_false(dataset_next(set, &s, pixels));
    assert_int_equal(errors, 2);
    dataset_destroy(set);
}

// Destroyed in the middle, with threads at work and slots full.
static void test_destroy_early(void **state)
{
    struct dataset_options o = options();
    struct dataset_sample s;
    uint8_t pixels[PAIR];
    (void)state;

    write_images();
    o.cache_bytes = 1;
    for (uint32_t i = 0; i < 20; i++) {
        o.threads = i % 5;
        struct dataset *set = dataset_create(&o);
        for (uint32_t k = 0; k < i % 3; k++)
            assert_true(dataset_next(set, &s, pixels));
        dataset_destroy(set);
    }
    assert_int_equal(errors, 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_epochs),  TEST(test_pure),      TEST(test_options),
        TEST(test_pixels),  TEST(test_broken),    TEST(test_not_resized),
        TEST(test_nothing), TEST(test_file_goes), TEST(test_destroy_early),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
