// SPDX-License-Identifier: MIT
//
// The stream of samples: the same whatever the threads and the cache, each image once
// an epoch, the right pixels on the right side, and what is said of broken folders.

#define _XOPEN_SOURCE 700

#include "data/dataset.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "data/data_folder.h"
#include "data/image.h"
#include "data/pairs.h"
#include "data/picture_file.h"
#include "support/log.h"
#include "support/size.h"
#include "support/tree.h"

#ifndef TEST_FIXTURES
#define TEST_FIXTURES "tests/support/fixtures"
#endif
#define DATA "test_dataset.scratch"
#define SCRATCH DATA "/train"

enum { IMAGES = 7, LOAD = 16, CROP = 12, PAIR = 2 * LOAD * LOAD * 3 };

static void remove_files(void)
{
    struct file_list list;
    if (!file_is_folder(SCRATCH) || !file_list_read(SCRATCH, &list))
        return;
    for (size_t i = 0; i < list.count; i++) {
        char *path = file_join(SCRATCH, list.names[i]);
        test_remove_tree(path);
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
    test_keep_messages(LOG_WARN);
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
        .input_kind = PIXEL_KINDS,
        .output_kind = PIXEL_KINDS,
        .fit = { FIT_RESIZE, { LOAD, LOAD }, { CROP, CROP }, RESIZE_BICUBIC, false },
        .flip = true,
        .shuffle = true,
        .seed = 5,
    };
}

// NULL after a message.
static struct dataset *open_split(const struct dataset_options *o, const char *data,
                                  const char *split)
{
    struct pair_list list;
    if (!data_folder_list(data, split, DATA_PAIRS, &list))
        return NULL;
    struct dataset *set = dataset_create(o, &list);
    pair_list_free(&list);
    return set;
}

static struct dataset *open_dataset(const struct dataset_options *o)
{
    return open_split(o, DATA, "train");
}

static bool same_sample(const struct dataset_sample *a, const struct dataset_sample *b)
{
    return a->crop_x == b->crop_x && a->crop_y == b->crop_y && a->mirror == b->mirror &&
           a->cut_x == b->cut_x && a->cut_y == b->cut_y && a->epoch == b->epoch &&
           a->image == b->image &&
           memcmp(&a->augment, &b->augment, sizeof(a->augment)) == 0;
}

static void test_epochs(void **state)
{
    enum { EPOCHS = 60 };
    struct dataset_options o = options();
    int mirrored = 0, same_order = 0;
    uint32_t offsets_x = 0, offsets_y = 0, before[IMAGES] = { 0 };
    (void)state;

    write_images();
    struct dataset *set = open_dataset(&o);
    assert_non_null(set);
    assert_int_equal(dataset_count(set), IMAGES);
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
    assert_int_equal(test_messages.errors + test_messages.warnings, 0);
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

    o.augment = (struct augment){ true, true, 0.2, 0.2, 0.2, 0.2, 20 };
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
        struct dataset *set = open_dataset(&o);
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
    struct dataset *set = open_dataset(&o);
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
    assert_int_equal(test_messages.errors, 0);
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
    o.fit.crop = SQUARE(LOAD);
    struct dataset *set = open_dataset(&o);
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

// The pixels are those of cutting and resizing by hand. As the port cuts: the column in
// the middle of an odd width belongs to B.
static void test_pixels(void **state)
{
    struct dataset_options o = options();
    struct picture whole, half, small;
    struct dataset_sample s;
    struct reason reason;
    uint8_t pixels[PAIR];
    (void)state;

    write_pair("odd.png", 41, 33, 0, 90, true);
    struct dataset *set = open_dataset(&o);
    assert_true(dataset_next(set, &s, pixels));
    dataset_destroy(set);

    assert_true(picture_read(SCRATCH "/odd.png", &whole, &reason));
    for (uint32_t k = 0; k < 2; k++) {
        assert_true(picture_crop(&whole, 20 * k, 0, 20 + k, 33, &half));
        assert_true(picture_resize(&half, RESIZE_BICUBIC, LOAD, LOAD, &small));
        assert_int_equal(picture_bytes(&small), PAIR / 2);
        assert_memory_equal(pixels + k * PAIR / 2, small.samples, PAIR / 2);
        picture_free(&small);
        picture_free(&half);
    }
    picture_free(&whole);
}

// Sides of their own: what a sample holds, and where its crop may be.
static void test_rectangle(void **state)
{
    enum { WIDTH = 20, HEIGHT = 9, DRAWS = 60 };
    static uint8_t pixels[2 * WIDTH * HEIGHT * 3];
    struct dataset_options o = options();
    struct picture whole, half, small;
    struct dataset_sample s;
    struct reason reason;
    uint32_t offsets_x = 0, offsets_y = 0;
    (void)state;

    o.fit.load = (struct pix_size){ WIDTH, HEIGHT };
    o.fit.crop = (struct pix_size){ 16, 8 };
    write_pair("odd.png", 41, 33, 0, 90, true);
    struct dataset *set = open_dataset(&o);
    assert_non_null(set);
    assert_int_equal(dataset_sample_bytes(set), sizeof(pixels));
    for (int i = 0; i < DRAWS; i++) {
        assert_true(dataset_next(set, &s, pixels));
        offsets_x |= 1u << s.crop_x;
        offsets_y |= 1u << s.crop_y;
    }
    assert_int_equal(offsets_x, 31);    // 0 .. 4, all of them
    assert_int_equal(offsets_y, 3);     // 0 and 1
    dataset_destroy(set);

    assert_true(picture_read(SCRATCH "/odd.png", &whole, &reason));
    assert_true(picture_crop(&whole, 0, 0, 20, 33, &half));
    assert_true(picture_resize(&half, RESIZE_BICUBIC, WIDTH, HEIGHT, &small));
    assert_memory_equal(pixels, small.samples, sizeof(pixels) / 2);
    picture_free(&small);
    picture_free(&half);
    picture_free(&whole);
}

// A pair of this size, whose pixels say where they are: A has (x, y, i), B has
// (200 - x, 200 - y, 100 + i).
static void write_places(const char *name, uint32_t width, uint32_t height, uint8_t i)
{
    struct pix_image image;
    assert_true(image_create(&image, 2 * width, height));
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < 2 * width; x++) {
            uint8_t *p = image.pixels + ((size_t)y * 2 * width + x) * 3;
            const bool is_b = x >= width;
            const uint32_t at = x - (is_b ? width : 0);
            p[0] = (uint8_t)(is_b ? 200 - at : at);
            p[1] = (uint8_t)(is_b ? 200 - y : y);
            p[2] = (uint8_t)(i + (is_b ? 100 : 0));
        }
    char *path = file_join(SCRATCH, name);
    assert_true(image_write(path, &image));
    mem_free(path);
    image_free(&image);
}

enum { PART_W = 12, PART_H = 8, PART = PART_W * PART_H };

static const struct pix_size part_sizes[] = {
    { 23, 17 }, { 12, 40 }, { 60, 8 }, { 9, 30 }
};

static struct dataset_options part_options(void)
{
    struct dataset_options o = options();
    o.fit = (struct fit){ FIT_CROP, { 0, 0 }, { PART_W, PART_H } };
    return o;
}

static void write_parts(void)
{
    for (uint8_t i = 0; i < ARRAY_LEN(part_sizes); i++) {
        char name[8];
        snprintf(name, sizeof(name), "%u.png", (unsigned)i);
        write_places(name, part_sizes[i].width, part_sizes[i].height, i);
    }
}

// Checks what a part is of its pair; the fourth pair is padded by (12 - 9) / 2 columns.
static void check_part(const struct dataset_sample *s, const uint8_t *pixels)
{
    const uint32_t left = s->image == 3 ? 1 : 0;
    assert_int_equal(s->crop_x + s->crop_y, 0);
    for (uint32_t y = 0; y < PART_H; y++)
        for (uint32_t x = 0; x < PART_W; x++) {
            const uint32_t at = y * PART_W + x;
            const uint32_t in_y = s->cut_y + y;
            uint32_t in_x = x < left ? 0 : s->cut_x + x - left;
            if (s->image == 3 && in_x > 8)
                in_x = 17 - in_x;
            assert_int_equal(pixels[at], in_x);
            assert_int_equal(pixels[PART + at], in_y);
            assert_int_equal(pixels[2 * PART + at], s->image);
            assert_int_equal(pixels[3 * PART + at], 200 - in_x);
            assert_int_equal(pixels[4 * PART + at], 200 - in_y);
            assert_int_equal(pixels[5 * PART + at], 100 + s->image);
        }
}

// Parts of pairs of any size: both sides at one place, everywhere in the pair, whatever
// the threads and the cache.
static void test_parts(void **state)
{
    enum { COUNT = 400 };
    static const struct {
        uint32_t threads;
        uint64_t cache_bytes, first_sample;
    } cases[] = { { 1, 0, 0 }, { 4, 1, 0 }, { 3, 6 * 500, 7 } };
    static struct dataset_sample samples[COUNT];
    static uint8_t pixels[6 * PART];
    struct dataset_options o = part_options();
    uint32_t most[ARRAY_LEN(part_sizes)][2] = { { 0 } };
    (void)state;

    write_parts();
    for (size_t c = 0; c < ARRAY_LEN(cases); c++) {
        o.threads = cases[c].threads;
        o.cache_bytes = cases[c].cache_bytes;
        o.first_sample = cases[c].first_sample;
        struct dataset *set = open_dataset(&o);
        assert_non_null(set);
        assert_int_equal(dataset_count(set), ARRAY_LEN(part_sizes));
        assert_int_equal(dataset_sample_bytes(set), sizeof(pixels));
        for (uint64_t i = o.first_sample; i < COUNT; i++) {
            struct dataset_sample s;
            assert_true(dataset_next(set, &s, pixels));
            check_part(&s, pixels);
            if (c == 0)
                samples[i] = s;
            assert_true(same_sample(&s, &samples[i]));
            most[s.image][0] = MAX(most[s.image][0], s.cut_x);
            most[s.image][1] = MAX(most[s.image][1], s.cut_y);
        }
        dataset_destroy(set);
    }
    for (size_t i = 0; i < ARRAY_LEN(part_sizes); i++) {
        assert_int_equal(most[i][0], MAX(part_sizes[i].width, PART_W) - PART_W);
        assert_int_equal(most[i][1], part_sizes[i].height - PART_H);
    }

    // The middle, to compare with.
    o.fit.centred = true;
    o.shuffle = false;
    o.first_sample = 0;
    struct dataset *set = open_dataset(&o);
    for (uint32_t i = 0; i < ARRAY_LEN(part_sizes); i++) {
        struct dataset_sample s;
        assert_true(dataset_next(set, &s, pixels));
        assert_int_equal(s.cut_x + s.cut_y + s.crop_x + s.crop_y, 0);
        s.cut_x = (MAX(part_sizes[i].width, PART_W) - PART_W) / 2;
        s.cut_y = (part_sizes[i].height - PART_H) / 2;
        check_part(&s, pixels);
    }
    dataset_destroy(set);
}

// A part of a pair that has another size meanwhile may lie outside of it.
static void test_part_of_another_size(void **state)
{
    static uint8_t pixels[6 * PART];
    struct dataset_options o = part_options();
    struct dataset_sample s;
    (void)state;
    write_places("0.png", 60, 40, 0);
    o.cache_bytes = 1;
    o.threads = 1;
    struct dataset *set = open_dataset(&o);
    assert_non_null(set);
    write_places("0.png", PART_W, PART_H, 0);
    uint32_t given = 0;
    while (given < 100 && dataset_next(set, &s, pixels))
        given++;
    assert_true(given < 100);
    test_check_message("0.png is no longer readable: has another size than before, "
                       "12x8 and not 60x40");
    dataset_destroy(set);
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

    struct dataset *set = open_dataset(&o);
    assert_non_null(set);
    assert_int_equal(dataset_count(set), IMAGES);
    assert_int_equal(test_messages.warnings, 5);
    assert_int_equal(test_messages.errors, 0);
    assert_string_equal(test_messages.text,
                        "dataset: passing over 1 of 12 files in " SCRATCH
                        ": 1 .txt (first: notes.txt). Only " PICTURE_EXTENSIONS
                        " are read: convert other images to one of these\n"
                        "dataset: skipping " SCRATCH "/b1.png: truncated PNG\n"
                        "dataset: skipping " SCRATCH "/b2.jpg: truncated JPEG\n"
                        "dataset: skipping " SCRATCH
                        "/c1.png: is 1x5, too narrow for a pair side by side\n"
                        "dataset: skipping " SCRATCH "/zz.png: " PICTURE_UNKNOWN "\n");
    assert_string_equal(dataset_name(set, 2), "c.bmp");
    assert_string_equal(dataset_name(set, 3), "d.PNG");
    for (uint32_t i = 0; i < 3 * IMAGES; i++) {
        struct dataset_sample s;
        uint8_t pixels[PAIR];
        assert_true(dataset_next(set, &s, pixels));
        assert_int_equal(pixels[0], 10 * s.image);
    }
    dataset_destroy(set);
    assert_true(test_remove_tree(SCRATCH "/.hidden.png"));
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
    o.fit.mode = FIT_WHOLE;
    o.fit.crop = SQUARE(LOAD);
    struct dataset *set = open_dataset(&o);
    assert_non_null(set);
    assert_int_equal(dataset_count(set), 1);
    assert_int_equal(test_messages.warnings, 2);
    test_check_message("high.png: has halves of 16x17, more than "
                       "--crop-size 16x16");
    assert_true(dataset_next(set, &s, pixels));
    for (uint32_t y = 0; y < LOAD; y++) {
        assert_int_equal(pixels[y * LOAD], 1 + y);
        assert_int_equal(pixels[PAIR / 2 + y * LOAD], 2 + y);
    }
    dataset_destroy(set);
}

static void test_nothing(void **state)
{
    struct dataset_options o = options();
    (void)state;

    assert_null(open_dataset(&o));
    assert_int_equal(test_messages.errors, 1);
    assert_non_null(strstr(log_last_error(), "no images in " SCRATCH));
    assert_non_null(strstr(log_last_error(), ".jpeg"));
    assert_true(file_write(SCRATCH "/notes.txt", "x", 1));
    assert_null(open_dataset(&o));
    assert_int_equal(test_messages.errors, 2);

    copy_fixture("empty.png", "a.png");
    assert_null(open_dataset(&o));
    assert_int_equal(test_messages.warnings, 3);    // twice of notes.txt
    assert_int_equal(test_messages.errors, 3);
    assert_non_null(strstr(log_last_error(), "none of 1 pair of " SCRATCH));

    assert_null(open_split(&o, DATA, "absent"));
    assert_int_equal(test_messages.errors, 4);
    assert_non_null(strstr(log_last_error(), DATA " has no folder absent"));
    assert_null(open_split(&o, SCRATCH, "a.png"));
    assert_int_equal(test_messages.errors, 5);
    assert_null(open_split(&o, DATA "/absent", "train"));
    assert_int_equal(test_messages.errors, 6);
    assert_non_null(strstr(log_last_error(), DATA "/absent does not exist"));
    assert_null(open_split(&o, SCRATCH "/a.png", "train"));
    assert_int_equal(test_messages.errors, 7);
    assert_non_null(strstr(log_last_error(), "a.png is not a folder"));
}

// A file that goes while training: it is reported to the thread that asks, once for
// each time it asks, and read again then; the samples before it still come.
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
    struct dataset *set = open_dataset(&o);
    assert_non_null(set);
    assert_true(test_remove_tree(SCRATCH "/e.bmp"));
    // What was decoded ahead may still come from before.
    uint32_t given = 0;
    while (given < 100 && dataset_next(set, &s, pixels)) {
        assert_int_equal(s.image, given % IMAGES);
        assert_int_equal(pixels[0], 10 * s.image);
        given++;
    }
    assert_int_equal(given % IMAGES, 4);
    assert_true(given < 40);
    assert_int_equal(test_messages.errors, 1);
    assert_non_null(strstr(log_last_error(), "e.bmp is no longer readable"));
    assert_false(dataset_next(set, &s, pixels));
    assert_int_equal(test_messages.errors, 2);

    // It comes back, and the stream goes on where it was.
    write_images();
    for (uint32_t k = 0; k < 2 * IMAGES; k++, given++) {
        assert_true(dataset_next(set, &s, pixels));
        assert_int_equal(s.image, given % IMAGES);
        assert_int_equal(pixels[0], 10 * s.image);
    }
    assert_int_equal(test_messages.errors, 2);
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
        struct dataset *set = open_dataset(&o);
        for (uint32_t k = 0; k < i % 3; k++)
            assert_true(dataset_next(set, &s, pixels));
        dataset_destroy(set);
    }
    assert_int_equal(test_messages.errors, 0);
}

// ---------------------------------------------------------------------------
// A folder for each side

#define SIDES "test_dataset_sides.scratch"

static const char *const folders[] = { SIDES "/train/A", SIDES "/train/B",
                                       SIDES "/A/val", SIDES "/B/val" };

static int setup_sides(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        struct file_list list;
        if (!file_make_folder(folders[i]) || !file_list_read(folders[i], &list))
            return -1;
        for (size_t k = 0; k < list.count; k++) {
            char *path = file_join(folders[i], list.names[k]);
            test_remove_tree(path);
            mem_free(path);
        }
        file_list_free(&list);
    }
    return setup(state);
}

// Channel c of flat number `value` + c, floats a hundredth of it.
static void write_flat(const char *folder, const char *name, enum pixel_kind kind,
                       uint32_t channels, uint32_t width, uint32_t height, int value)
{
    struct picture p;
    size_t plane = (size_t)width * height;
    assert_true(picture_create(&p, kind, channels, width, height));
    for (size_t i = 0; i < plane * channels; i++) {
        int v = value + (int)(i / plane);
        switch (kind) {
        case PIXEL_U8:
            ((uint8_t *)p.samples)[i] = (uint8_t)v;
            break;
        case PIXEL_U16:
            ((uint16_t *)p.samples)[i] = (uint16_t)v;
            break;
        default:
            ((float *)p.samples)[i] = (float)v / 100;
        }
    }
    char *path = file_join(folder, name);
    assert_true(picture_write(path, &p));
    mem_free(path);
    picture_free(&p);
}

static void check_kinds(const struct dataset_options *o, enum pixel_kind input,
                        enum pixel_kind output)
{
    enum pixel_kind found_input, found_output;
    struct pair_list list;
    const uint32_t before =
        test_messages.warnings;    // skipped files are reported again
    assert_true(data_folder_list(SIDES, "train", DATA_PAIRS, &list));
    test_messages.warnings = before;
    assert_true(dataset_find_kinds(o, &list, &found_input, &found_output));
    assert_int_equal(found_input, input);
    assert_int_equal(found_output, output);
    pair_list_free(&list);
}

static void test_sides(void **state)
{
    enum { PLANE = LOAD * LOAD, INPUT = 2 * PLANE * 2, TARGET = 5 * PLANE * 4 };
    static uint8_t pixels[INPUT + TARGET];
    struct dataset_options o = options();
    struct dataset_sample s;
    (void)state;

    // In the order of their stems, which is not that of their names.
    write_flat(folders[0], "m.npy", PIXEL_U16, 2, 20, 31, 1000);
    write_flat(folders[1], "m.npy", PIXEL_F32, 5, 20, 31, -150);
    write_flat(folders[0], "m-1.npy", PIXEL_U16, 2, LOAD, LOAD, 2000);
    write_flat(folders[1], "m-1.npy", PIXEL_F32, 5, 40, 17, 250);
    write_flat(folders[0], "a.png", PIXEL_U16, 3, 9, 9, 60000);
    write_flat(folders[1], "a.npy", PIXEL_F32, 5, 9, 9, 0);
    // To be left out.
    write_flat(folders[0], "alone.npy", PIXEL_U16, 2, 9, 9, 0);
    write_flat(folders[1], "zz.npy", PIXEL_F32, 5, 9, 9, 0);
    write_flat(folders[0], "m.png", PIXEL_U16, 2, 9, 9, 0);
    write_flat(folders[0], "n.png", PIXEL_U8, 2, 9, 9, 0);
    write_flat(folders[1], "n.npy", PIXEL_F32, 5, 9, 9, 0);
    write_flat(folders[0], "o.npy", PIXEL_U16, 3, 9, 9, 0);
    write_flat(folders[1], "o.npy", PIXEL_F32, 5, 9, 9, 0);
    write_flat(folders[0], "p.npy", PIXEL_U16, 2, 9, 9, 0);
    assert_true(file_write(SIDES "/train/B/p.npy", "x", 1));

    o.input_nc = 2;
    o.output_nc = 5;
    o.shuffle = false;
    for (uint32_t k = 0; k < 2; k++) {
        o.cache_bytes = k;
        test_messages.text[0] = '\0';
        struct dataset *set = open_split(&o, SIDES, "train");
        assert_non_null(set);
        assert_string_equal(
            test_messages.text,
            "dataset: skipping 1 of 8 files of " SIDES
            "/train/A: no file of the same name in " SIDES "/train/B: alone.npy\n"
            "dataset: skipping 1 of 8 files of " SIDES
            "/train/A: a file with the same name and another extension is used (first: "
            "m.png, for m.npy)\n"
            "dataset: skipping 1 of 7 files of " SIDES
            "/train/B: no file of the same name in " SIDES "/train/A: zz.npy\n"
            "dataset: skipping 1 of 6 pairs: their input is not u16 (first: " SIDES
            "/train/A/n.png, which is u8). All pairs have one kind of input, that of most "
            "files unless --input-kind names another: convert the files\n"
            "dataset: skipping 1 of 6 pairs: their input does not have 2 channels (first: " SIDES
            "/train/A/o.npy, which has 3): --input-nc 3 takes such files\n"
            "dataset: in 1 of 6 pairs A and B differ in shape and are stretched to "
            "squares, each in its own way (first: " SIDES
            "/train/A/m-1.npy, A is 16x16, B 40x17): check that they show the same\n"
            "dataset: skipping " SIDES "/train/B/p.npy: not a .npy array\n"
            "dataset: 2 of 3 targets have values outside [-1, 1], which a generator "
            "cannot produce (first: m.npy): name the range that they have with "
            "--output-range LO:HI, or auto\n");
        assert_int_equal(dataset_count(set), 3);
        assert_int_equal(test_messages.warnings, 8 * (k + 1));
        assert_string_equal(dataset_name(set, 0), "a.png");
        assert_string_equal(dataset_name(set, 1), "m.npy");
        assert_string_equal(dataset_name(set, 2), "m-1.npy");
        check_kinds(&o, PIXEL_U16, PIXEL_F32);
        assert_int_equal(dataset_sample_bytes(set), sizeof(pixels));
        for (uint32_t i = 0; i < 6; i++) {
            // The picture's luma is of 60000, 60001, 60002, its alpha opaque.
            static const int in[3][2] = { { 60001, 65535 },
                                          { 1000, 1001 },
                                          { 2000, 2001 } };
            static const int out[3] = { 0, -150, 250 };
            assert_true(dataset_next(set, &s, pixels));
            assert_int_equal(s.image, i % 3);
            for (size_t at = 0; at < 2 * PLANE; at++) {
                uint16_t v;
                memcpy(&v, pixels + at * 2, sizeof(v));
                assert_int_equal(v, in[i % 3][at / PLANE]);
            }
            for (size_t at = 0; at < 5 * PLANE; at++) {
                float v;
                memcpy(&v, pixels + INPUT + at * 4, sizeof(v));
                assert_true(v == (float)(out[i % 3] + (int)(at / PLANE)) / 100);
            }
        }
        dataset_destroy(set);
    }

    // The other way round: A is the target.
    o.swap = true;
    o.input_nc = 5;
    o.output_nc = 2;
    o.max_size = 2;
    struct dataset *set = open_split(&o, SIDES, "train");
    assert_non_null(set);
    check_kinds(&o, PIXEL_F32, PIXEL_U16);
    assert_int_equal(dataset_count(set), 2);
    assert_true(dataset_next(set, &s, pixels));
    assert_true(dataset_next(set, &s, pixels));
    float first;
    memcpy(&first, pixels, sizeof(first));
    assert_true(first == -1.5f);
    dataset_destroy(set);
}

// DATA/A/val and DATA/B/val, odd sizes, so that the target begins after a gap.
static void test_sides_by_split(void **state)
{
    enum { SIDE = 5, INPUT = 28, TARGET = 28 };
    static const char *const spellings[] = { SIDES, SIDES "/" };
    struct dataset_options o = options();
    struct dataset_sample s;
    uint8_t pixels[INPUT + TARGET];
    (void)state;

    write_flat(folders[2], "x.jpg", PIXEL_U8, 1, SIDE, SIDE, 128);
    write_flat(folders[3], "x.png", PIXEL_U8, 4, SIDE, SIDE, 77);
    o.fit.load = o.fit.crop = SQUARE(SIDE);
    o.fit.mode = FIT_WHOLE;
    o.input_nc = o.output_nc = 1;
    for (size_t i = 0; i < ARRAY_LEN(spellings); i++) {
        bool has;
        assert_true(data_folder_has(spellings[i], "val", &has) && has);
        struct dataset *set = open_split(&o, spellings[i], "val");
        assert_non_null(set);
        assert_int_equal(dataset_count(set), 1);
        assert_int_equal(dataset_sample_bytes(set), sizeof(pixels));
        assert_true(dataset_next(set, &s, pixels));
        for (size_t at = 0; at < SIDE * SIDE; at++) {
            assert_in_range(pixels[at], 127, 129);
            assert_int_equal(pixels[INPUT + at], 78);    // luma of 77, 78, 79
        }
        dataset_destroy(set);
    }
    // What write_flat gives as alpha is not opaque.
    assert_int_equal(test_messages.errors, 0);
    assert_int_equal(test_messages.warnings, 2);
    test_check_message("dataset: 1 of 1 pair has an alpha that is not opaque "
                       "everywhere, which is dropped (first: " SIDES "/B/val/x.png)");
    o.fit.load = o.fit.crop = SQUARE(SIDE - 1);
    assert_null(open_split(&o, SIDES, "val"));
    test_check_message("A/val/x.jpg: is 5x5, more than --crop-size 4x4");

    test_messages.errors = 0;
    bool has;
    assert_true(data_folder_has(SIDES, "test", &has) && !has);
    assert_null(open_split(&o, SIDES, "test"));
    assert_int_equal(test_messages.errors, 1);
    assert_non_null(strstr(log_last_error(), SIDES " has no folder test"));
    assert_non_null(strstr(log_last_error(), "folders A/ and B/"));
    assert_null(open_split(&o, SIDES, "train"));
    assert_non_null(strstr(log_last_error(), "no images in " SIDES "/train/A: there"));
}

// What most pairs are decides on the kind, unless the options do.
static void test_wanted_kinds(void **state)
{
    static const struct {
        enum pixel_kind kind;
        uint32_t count;
        enum pixel_kind found;
    } cases[] = { { PIXEL_KINDS, 2, PIXEL_U16 },
                  { PIXEL_U16, 2, PIXEL_U16 },
                  { PIXEL_U8, 1, PIXEL_U8 },
                  { PIXEL_F32, 0, 0 } };
    struct dataset_options o = options();
    (void)state;
    assert_true(file_write(SIDES "/train/A/a.png", "broken", 6));
    write_flat(folders[1], "a.png", PIXEL_U8, 3, 8, 8, 1);
    write_flat(folders[0], "b.png", PIXEL_U16, 3, 8, 8, 1);
    write_flat(folders[1], "b.png", PIXEL_U8, 3, 8, 8, 1);
    write_flat(folders[0], "c.png", PIXEL_U8, 3, 8, 8, 1);
    write_flat(folders[1], "c.png", PIXEL_U8, 3, 8, 8, 1);
    write_flat(folders[0], "d.png", PIXEL_U16, 3, 8, 8, 1);
    write_flat(folders[1], "d.png", PIXEL_U8, 3, 8, 8, 1);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        enum pixel_kind input, output;
        o.input_kind = cases[i].kind;
        test_messages.warnings = 0;
        struct pair_list list;
        assert_true(data_folder_list(SIDES, "train", DATA_PAIRS, &list));
        assert_true(dataset_find_kinds(&o, &list, &input, &output));
        assert_int_equal(test_messages.warnings, 0);
        if (cases[i].count > 0)
            assert_int_equal(input, cases[i].found);
        assert_int_equal(output, PIXEL_U8);
        struct dataset *set = dataset_create(&o, &list);
        pair_list_free(&list);
        assert_true((set != NULL) == (cases[i].count > 0));
        if (set) {
            assert_int_equal(dataset_count(set), cases[i].count);
            assert_int_equal(dataset_sample_bytes(set),
                             PAIR / 2 * pixel_bytes(cases[i].found) + PAIR / 2);
        }
        dataset_destroy(set);
    }
}

// The filter is that of the options.
static void test_filters(void **state)
{
    struct dataset_options o = options();
    struct dataset_sample s;
    uint8_t pixels[3][PAIR];
    (void)state;
    copy_fixture("noise_in.png", "noise.png");
    for (int f = 0; f <= RESIZE_AREA; f++) {
        struct picture p, a, small;
        struct reason reason;
        o.fit.filter = (enum resize_filter)f;
        struct dataset *set = open_dataset(&o);
        assert_true(dataset_next(set, &s, pixels[f]));
        dataset_destroy(set);
        assert_true(picture_read(SCRATCH "/noise.png", &p, &reason));
        assert_true(picture_crop(&p, 0, 0, 20, 30, &a));
        assert_true(picture_resize(&a, o.fit.filter, LOAD, LOAD, &small));
        assert_memory_equal(small.samples, pixels[f], PAIR / 2);
        picture_free(&p);
        picture_free(&a);
        picture_free(&small);
    }
    assert_memory_not_equal(pixels[0], pixels[1], PAIR);
    assert_memory_not_equal(pixels[0], pixels[2], PAIR);
    assert_memory_not_equal(pixels[1], pixels[2], PAIR);
}

// What cannot be read for a reason that passes ends the start: without it the data set
// would be another one.
static void test_passing(void **state)
{
    struct dataset_options o = options();
    struct pair_list list;
    struct rlimit all, none;
    enum pixel_kind input, output;
    (void)state;

    write_images();
    assert_true(data_folder_list(DATA, "train", DATA_PAIRS, &list));
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &all), 0);
    none = (struct rlimit){ 0, all.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    bool found = dataset_find_kinds(&o, &list, &input, &output);
    const uint32_t first_errors = test_messages.errors;
    o.input_kind = o.output_kind = PIXEL_U8;
    struct dataset *set = dataset_create(&o, &list);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &all), 0);
    pair_list_free(&list);
    assert_false(found);
    assert_int_equal(first_errors, 1);
    assert_null(set);
    assert_int_equal(test_messages.errors, 2);
    assert_int_equal(test_messages.warnings, 0);
    test_check_message("cannot read " SCRATCH "/a.bmp: ");

    // One file of several, which opens and fails (Linux).
    if (os_path_kind("/proc/self/mem") == OS_KIND_FILE) {
        assert_int_equal(symlink("/proc/self/mem", SCRATCH "/c1.png"), 0);
        assert_null(open_dataset(&o));
        assert_int_equal(test_messages.errors, 3);
        assert_int_equal(test_messages.warnings, 0);
        assert_non_null(strstr(log_last_error(), "cannot read " SCRATCH "/c1.png: "));
        assert_true(os_file_remove(SCRATCH "/c1.png"));
    }

    // A file that goes between the listing and the check is no damaged one either.
    test_messages.errors = 0;
    assert_true(data_folder_list(DATA, "train", DATA_PAIRS, &list));
    assert_true(test_remove_tree(SCRATCH "/c.bmp"));
    assert_null(dataset_create(&o, &list));
    pair_list_free(&list);
    assert_int_equal(test_messages.errors, 1);
    assert_int_equal(test_messages.warnings, 0);
    assert_non_null(strstr(log_last_error(), "/c.bmp: is gone since its folder was"));

    // A link that leads nowhere stays one.
    assert_int_equal(symlink("nowhere.png", SCRATCH "/c.bmp"), 0);
    set = open_dataset(&o);
    assert_non_null(set);
    assert_int_equal(dataset_count(set), IMAGES - 1);
    assert_int_equal(test_messages.warnings, 1);
    test_check_message("skipping " SCRATCH "/c.bmp: is a link that leads");
    dataset_destroy(set);
    assert_true(os_file_remove(SCRATCH "/c.bmp"));
}

// The hole of inpainting is in the middle of what the networks see, wherever that lies
// in the image.
static void test_hole(void **state)
{
    struct dataset_options o = options();
    struct pair_list list;
    struct dataset_sample s;
    (void)state;
    o.task = (struct task){ .kind = TASK_INPAINT, .hole = HOLE_CENTER };
    o.renews = true;
    o.input_nc = 4;
    write_images();
    assert_true(data_folder_list(DATA, "train", DATA_IMAGES, &list));
    struct dataset *set = dataset_create(&o, &list);
    assert_non_null(set);
    uint8_t *pixels = mem_alloc(dataset_sample_bytes(set));
    assert_non_null(pixels);
    const uint8_t *marks = pixels + (size_t)3 * LOAD * LOAD;
    uint32_t moved = 0;
    for (int i = 0; i < 30; i++) {
        assert_true(dataset_next(set, &s, pixels));
        moved += s.crop_x > 0 && s.crop_y > 0;
        for (uint32_t y = 0; y < LOAD; y++)
            for (uint32_t x = 0; x < LOAD; x++) {
                const uint32_t across = x - s.crop_x - CROP / 4,
                               down = y - s.crop_y - CROP / 4;
                assert_int_equal(marks[y * LOAD + x] > 0,
                                 across < CROP / 2 && down < CROP / 2);
            }
    }
    assert_true(moved > 0);
    mem_free(pixels);
    dataset_destroy(set);
    pair_list_free(&list);
}

// The hash stands for the names and their order, whatever the pixels.
static void test_hash(void **state)
{
    struct dataset_options o = options();
    char before[HASH_TEXT_SIZE], after[HASH_TEXT_SIZE];
    (void)state;
    write_images();
    for (int i = 0; i < 4; i++) {
        static const bool same[] = { true, true, false, false };
        if (i == 1)
            write_pair("a.bmp", 44, 22, 1, 2, true);
        if (i == 2)
            assert_true(os_file_rename(SCRATCH "/a.bmp", SCRATCH "/a1.bmp"));
        if (i == 3) {
            assert_true(os_file_rename(SCRATCH "/a1.bmp", SCRATCH "/a.bmp"));
            copy_fixture("truncated.png", "b.PNG");
        }
        struct dataset *set = open_dataset(&o);
        assert_non_null(set);
        dataset_hash(set, i ? after : before);
        dataset_destroy(set);
        if (i)
            assert_int_equal(strcmp(before, after) == 0, same[i]);
    }
}

struct noted {
    uint32_t calls;
    char text[80];
};

static void note_progress(void *user, const char *line)
{
    struct noted *p = user;
    p->calls++;
    snprintf(p->text, sizeof(p->text), "%s", line);
}

static void test_progress(void **state)
{
    struct dataset_options o = options();
    struct noted p = { 0 };
    (void)state;
    write_images();
    o.view = (struct progress_view){ note_progress, &p };
    struct dataset *set = open_dataset(&o);
    assert_non_null(set);
    dataset_destroy(set);
    assert_true(p.calls >= 1);    // at once; the rest depends on the time
    assert_int_equal(strncmp(p.text, "checking images: ", 17), 0);
    assert_non_null(strstr(p.text, " of 7"));
}

static double target_mean(struct dataset_options o)
{
    double mean[3];
    o.sums_targets = true;
    struct dataset *set = open_split(&o, DATA, "train");
    assert_non_null(set);
    dataset_target_mean(set, mean);
    dataset_destroy(set);
    assert_true(mean[0] == mean[1] && mean[0] == mean[2]);
    return mean[0];
}

// Of the images that are used, whether they are kept in memory or not.
static void test_target_mean(void **state)
{
    struct dataset_options o = options();
    (void)state;
    write_images();
    assert_true(file_write(SCRATCH "/b1.png", "no image", 8));
    assert_true(target_mean(o) == 130);
    o.threads = 3;
    o.cache_bytes = 1;
    assert_true(target_mean(o) == 130);
    o.swap = true;
    assert_true(target_mean(o) == 30);
    o.max_size = 4;    // one of them is broken
    assert_true(target_mean(o) == 10);
    // Of sizes of their own each counts as much.
    o.max_size = 0;
    o.fit.mode = FIT_CROP;
    assert_true(fabs(target_mean(o) - 30) < 1e-9);
    test_keep_messages(LOG_WARN);
}

int main(void)
{
#define TEST_SIDES(f) cmocka_unit_test_setup_teardown(f, setup_sides, teardown)
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_epochs),
        TEST(test_pure),
        TEST(test_options),
        TEST(test_pixels),
        TEST(test_rectangle),
        TEST(test_parts),
        TEST(test_part_of_another_size),
        TEST(test_broken),
        TEST(test_not_resized),
        TEST(test_nothing),
        TEST(test_file_goes),
        TEST(test_destroy_early),
        TEST(test_filters),
        TEST(test_passing),
        TEST(test_hole),
        TEST(test_hash),
        TEST(test_target_mean),
        TEST(test_progress),
        TEST_SIDES(test_sides),
        TEST_SIDES(test_sides_by_split),
        TEST_SIDES(test_wanted_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
