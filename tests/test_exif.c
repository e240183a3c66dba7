// SPDX-License-Identifier: MIT
//
// The orientation in EXIF data: found in JPEG and PNG files, and never looked for past
// the end of anything.

#include "data/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "data/picture_file.h"
#include "support/decoding.h"
#include "support/log.h"
#include "support/tree.h"

#define SCRATCH "test_exif.scratch"

static int setup(void **state)
{
    (void)state;
    test_keep_messages(LOG_INFO);
    return file_make_folder(SCRATCH) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    log_use(NULL);
    return test_remove_tree(SCRATCH) ? 0 : -1;
}

static void put(uint8_t *to, size_t count, uint32_t value, bool is_big)
{
    for (size_t i = 0; i < count; i++)
        to[i] = (uint8_t)(value >> 8 * (is_big ? count - 1 - i : i));
}

enum { TIFF = 8 + 2 + 2 * 12 + 4 };

// EXIF data with two entries, the second of which is the orientation.
static void make_tiff(uint8_t data[TIFF], uint32_t orientation, bool is_big)
{
    memset(data, 0, TIFF);
    memcpy(data, is_big ? "MM" : "II", 2);
    put(data + 2, 2, 42, is_big);
    put(data + 4, 4, 8, is_big);
    put(data + 8, 2, 2, is_big);
    put(data + 10, 2, 0x0110, is_big);    // the model of a camera
    put(data + 12, 2, 2, is_big);
    put(data + 14, 4, 1, is_big);
    put(data + 22, 2, 0x0112, is_big);
    put(data + 24, 2, 3, is_big);
    put(data + 26, 4, 1, is_big);
    put(data + 30, 2, orientation, is_big);
}

// On the heap, so that sanitizers see a read past the end.
static uint32_t find(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    if (size)
        memcpy(copy, data, size);
    uint32_t orientation = exif_orientation(copy, size);
    free(copy);
    assert_in_range(orientation, 0, 8);
    return orientation;
}

static void test_orientation(void **state)
{
    uint8_t data[TIFF];
    (void)state;
    for (uint32_t i = 0; i <= 10; i++)
        for (int is_big = 0; is_big < 2; is_big++) {
            make_tiff(data, i, is_big);
            assert_int_equal(find(data, TIFF), i >= 2 && i <= 8 ? i : 0);
            // The entry is whole, whatever comes after it.
            for (size_t size = 0; size < TIFF; size++)
                assert_int_equal(find(data, size),
                                 size >= TIFF - 4 && i >= 2 && i <= 8 ? i : 0);
        }
    // Another type or number of values is not an orientation.
    make_tiff(data, 6, true);
    put(data + 24, 2, 4, true);
    assert_int_equal(find(data, TIFF), 0);
    make_tiff(data, 6, true);
    put(data + 26, 4, 2, true);
    assert_int_equal(find(data, TIFF), 0);
    // Directories outside the data, or at its very end; more entries than there are.
    static const uint32_t places[] = { 7,        TIFF - 2,   TIFF - 1,  TIFF,
                                       TIFF + 1, 0x7fffffff, 0xffffffff };
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        make_tiff(data, 6, false);
        put(data + 4, 4, places[i], false);
        find(data, TIFF);
    }
    make_tiff(data, 6, false);
    put(data + 8, 2, 0xffff, false);
    assert_int_equal(find(data, TIFF), 6);
}

// A seeded sample of damage.
static void test_damage(void **state)
{
    uint8_t data[TIFF];
    uint32_t random = 1;
    (void)state;
    for (int i = 0; i < 100000; i++) {
        make_tiff(data, 6, i % 2);
        for (int k = 0; k < 3; k++) {
            random = random * 1664525 + 1013904223;
            data[(random >> 8) % TIFF] = (uint8_t)(random >> 24);
        }
        find(data, TIFF - (random >> 16) % 8);
    }
}

static void load(const char *name, void **data, size_t *size)
{
    char *path = file_join(TEST_FIXTURES "/images", name);
    assert_true(file_read(path, data, size));
    mem_free(path);
}

// Writes a fixture with more bytes at an offset.
static void write_with(const char *fixture, size_t at, const uint8_t *more,
                       size_t count, const char *path)
{
    void *data;
    size_t size;
    load(fixture, &data, &size);
    uint8_t *bytes = mem_alloc(size + count);
    assert_non_null(bytes);
    memcpy(bytes, data, at);
    memcpy(bytes + at, more, count);
    memcpy(bytes + at + count, (uint8_t *)data + at, size - at);
    assert_true(file_write(path, bytes, size + count));
    mem_free(bytes);
    mem_free(data);
}

static void check_file(const char *path, uint32_t orientation)
{
    struct picture p;
    struct reason reason = { "" };
    test_forget_messages();
    if (!picture_read(path, &p, &reason))
        fail_msg("%s: %s", path, reason.text);
    assert_int_equal(p.orientation, orientation);
    picture_free(&p);
    if (!orientation)
        return;
    char expected[256];
    picture_tell_of_turning(path, orientation, 1, 1);
    snprintf(expected, sizeof(expected),
             "image: %s was turned upright, as its EXIF orientation, %u, asks for; "
             "--no-orient uses",
             path, (unsigned)orientation);
    test_check_message(expected);
    picture_tell_of_turning(path, orientation, 2, 10);
    snprintf(expected, sizeof(expected), "asks for (first: %s, orientation %u); ", path,
             (unsigned)orientation);
    test_check_message("image: 2 of 10 images were turned upright");
    test_check_message(expected);
}

static void test_jpeg(void **state)
{
    uint8_t segment[4 + 6 + TIFF] = { 0xff, 0xe1, 0, 2 + 6 + TIFF, 'E', 'x', 'i', 'f' };
    uint8_t other[] = { 0xff, 0xe1, 0, 8, 'h', 't', 't', 'p', ':', '/' };
    uint8_t filled[2 + sizeof(other) + sizeof(segment)];
    (void)state;
    make_tiff(segment + 10, 6, true);
    write_with("rgb.jpg", 2, segment, sizeof(segment), SCRATCH "/a.jpg");
    check_file(SCRATCH "/a.jpg", 6);
    // Behind another APP1 segment, such as XMP, and behind fill bytes.
    memcpy(filled, other, sizeof(other));
    filled[sizeof(other)] = filled[sizeof(other) + 1] = 0xff;
    memcpy(filled + sizeof(other) + 2, segment, sizeof(segment));
    write_with("rgb.jpg", 2, filled, sizeof(filled), SCRATCH "/b.jpg");
    check_file(SCRATCH "/b.jpg", 6);
    // Too short for anything.
    segment[3] = 2 + 6;
    write_with("rgb.jpg", 2, segment, 10, SCRATCH "/c.jpg");
    check_file(SCRATCH "/c.jpg", 0);
    check_file(TEST_FIXTURES "/images/rgb.jpg", 0);
}

static void test_png(void **state)
{
    uint8_t chunk[12 + TIFF] = { 0, 0, 0, TIFF, 'e', 'X', 'I', 'f' };
    (void)state;
    make_tiff(chunk + 8, 3, false);
    put(chunk + 8 + TIFF, 4, decoding_crc(chunk + 4, 4 + TIFF), true);
    write_with("rgb8.png", 33, chunk, sizeof(chunk), SCRATCH "/a.png");
    check_file(SCRATCH "/a.png", 3);
    check_file(TEST_FIXTURES "/images/rgb8.png", 0);
    uint8_t empty[12] = { 0, 0, 0, 0, 'e', 'X', 'I', 'f' };
    put(empty + 8, 4, decoding_crc(empty + 4, 4), true);
    write_with("rgb8.png", 33, empty, sizeof(empty), SCRATCH "/b.png");
    check_file(SCRATCH "/b.png", 0);
}

// What Pillow's ImageOps.exif_transpose makes of rows 0 1 2 and 3 4 5.
static void test_turning(void **state)
{
    static const uint8_t upright[9][6] = {
        [2] = { 2, 1, 0, 5, 4, 3 }, [3] = { 5, 4, 3, 2, 1, 0 },
        [4] = { 3, 4, 5, 0, 1, 2 }, [5] = { 0, 3, 1, 4, 2, 5 },
        [6] = { 3, 0, 4, 1, 5, 2 }, [7] = { 5, 2, 4, 1, 3, 0 },
        [8] = { 2, 5, 1, 4, 0, 3 },
    };
    (void)state;
    for (uint32_t orientation = 2; orientation <= 8; orientation++)
        for (int kind = 0; kind < PIXEL_KINDS; kind++) {
            struct picture p;
            assert_true(picture_create(&p, PIXEL_U8, 2, 3, 2));
            for (uint8_t i = 0; i < 12; i++)
                ((uint8_t *)p.samples)[i] = i % 6;
            assert_true(picture_set_kind(&p, (enum pixel_kind)kind, PIXEL_WHOLE));
            assert_true(picture_turn_upright(&p, orientation));
            assert_true(picture_set_kind(&p, PIXEL_U8, PIXEL_WHOLE));
            assert_int_equal(p.width, orientation < 5 ? 3 : 2);
            assert_int_equal(p.height, orientation < 5 ? 2 : 3);
            for (uint32_t i = 0; i < 12; i++)
                assert_int_equal(((uint8_t *)p.samples)[i],
                                 upright[orientation][i % 6]);
            picture_free(&p);
        }
}

// The EXIF data of a file turns its pixels, or does not.
static void test_reading(void **state)
{
    uint8_t chunk[12 + TIFF] = { 0, 0, 0, TIFF, 'e', 'X', 'I', 'f' };
    struct picture stored, upright;
    struct reason reason;
    (void)state;
    make_tiff(chunk + 8, 8, false);
    put(chunk + 8 + TIFF, 4, decoding_crc(chunk + 4, 4 + TIFF), true);
    write_with("rgb8.png", 33, chunk, sizeof(chunk), SCRATCH "/t.png");
    assert_true(picture_read_with(SCRATCH "/t.png",
                                  &(struct picture_reading){ .as_stored = true },
                                  &stored, &reason));
    assert_true(picture_read(SCRATCH "/t.png", &upright, &reason));
    assert_int_equal(upright.width, stored.height);
    assert_int_equal(upright.height, stored.width);
    assert_true(picture_turn_upright(&stored, 8));
    assert_memory_equal(stored.samples, upright.samples, picture_bytes(&stored));
    // More pixels than are wanted.
    const uint64_t most = (uint64_t)stored.width * stored.height;
    picture_free(&stored);
    picture_free(&upright);
    assert_false(picture_read_with(TEST_FIXTURES "/images/rgb8.png",
                                   &(struct picture_reading){ .max_pixels = most - 1 },
                                   &stored, &reason));
    assert_non_null(strstr(reason.text, "allow more with --max-pixels"));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_orientation), TEST(test_damage), TEST(test_turning),
        TEST(test_reading),     TEST(test_jpeg),   TEST(test_png),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
