// SPDX-License-Identifier: MIT
//
// Pictures of any channels and kind: what files hold is what is read, arrays that are
// broken or made to break are refused, what is written is read again, and conversions
// and resizing are those of the definition. The files come from
// fixtures/make_images.py.

#include "data/picture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "data/image.h"
#include "data/picture_file.h"
#include "support/tree.h"

#ifndef TEST_FIXTURES
#define TEST_FIXTURES "tests/support/fixtures"
#endif
#define SCRATCH "test_picture.scratch"

enum { WIDTH = 13, HEIGHT = 9 };

static int errors;

static void count_error(void *user, enum log_level level, const char *text)
{
    (void)user;
    (void)text;
    errors += level == LOG_ERROR;
}

static const struct log_sink sink = { count_error, NULL, LOG_WARN };

static struct picture read_fixture(const char *name)
{
    struct picture picture;
    struct reason reason;
    char *path = file_join(TEST_FIXTURES "/images", name);
    if (!picture_read(path, &picture, &reason))
        fail_msg("%s: %s", name, reason.text);
    mem_free(path);
    return picture;
}

static double number(const struct picture *p, size_t i)
{
    switch (p->kind) {
    case PIXEL_U8:
        return ((const uint8_t *)p->samples)[i];
    case PIXEL_U16:
        return ((const uint16_t *)p->samples)[i];
    default:
        return (double)((const float *)p->samples)[i];
    }
}

static void assert_same(const struct picture *a, const struct picture *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->channels, b->channels);
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->height, b->height);
    assert_memory_equal(a->samples, b->samples, picture_bytes(a));
}

// The pictures of make_images.py, 16 bits; a byte is the upper half. Channel 3 is
// alpha.
static uint32_t value(uint32_t x, uint32_t y, uint32_t c, uint32_t place)
{
    uint32_t high = c == 3 ? x * 19 + y * 7 : x * 37 + y * 91 + c * 57 + x * y * 5;
    uint32_t low = x * 201 + y * 17 + place * 99;
    return (high & 255) << 8 | (low & 255);
}

static void check_fixture(const char *name, enum pixel_kind kind, uint32_t channels,
                          bool has_alpha, bool is_array)
{
    struct picture p = read_fixture(name);
    size_t i = 0;
    assert_int_equal(p.kind, kind);
    assert_int_equal(p.channels, channels);
    assert_int_equal(p.width, WIDTH);
    assert_int_equal(p.height, HEIGHT);
    assert_int_equal(p.is_array, is_array);
    for (uint32_t c = 0; c < channels; c++)
        for (uint32_t y = 0; y < HEIGHT; y++)
            for (uint32_t x = 0; x < WIDTH; x++, i++) {
                uint32_t v = value(x, y, has_alpha && c == channels - 1 ? 3 : c, c);
                double expected = kind == PIXEL_U8    ? v >> 8
                                  : kind == PIXEL_U16 ? v
                                                      : v / 16384.0 - 2;
                if (number(&p, i) != expected)
                    fail_msg("%s: [%u, %u, %u] is %g, not %g", name, c, y, x,
                             number(&p, i), expected);
            }
    picture_free(&p);
}

static void test_read(void **state)
{
    (void)state;
    check_fixture("grey8.png", PIXEL_U8, 1, false, false);
    check_fixture("grey_alpha8.png", PIXEL_U8, 2, true, false);
    check_fixture("rgb8.png", PIXEL_U8, 3, false, false);
    check_fixture("rgba8.png", PIXEL_U8, 4, true, false);
    check_fixture("interlaced.png", PIXEL_U8, 3, false, false);
    check_fixture("rgb.bmp", PIXEL_U8, 3, false, false);
    check_fixture("rgb.tga", PIXEL_U8, 3, false, false);
    check_fixture("grey16.png", PIXEL_U16, 1, false, false);
    check_fixture("grey_alpha16.png", PIXEL_U16, 2, true, false);
    check_fixture("rgb16.png", PIXEL_U16, 3, false, false);
    check_fixture("u1.npy", PIXEL_U8, 3, false, true);
    check_fixture("u2.npy", PIXEL_U16, 3, false, true);
    check_fixture("u2_big.npy", PIXEL_U16, 3, false, true);
    check_fixture("u2_fortran.npy", PIXEL_U16, 3, false, true);
    check_fixture("u2_version2.npy", PIXEL_U16, 3, false, true);
    check_fixture("u2_plane.npy", PIXEL_U16, 1, false, true);
    check_fixture("f4.npy", PIXEL_F32, 3, false, true);
    check_fixture("f4_big.npy", PIXEL_F32, 3, false, true);
    assert_true(picture_has_known_extension("a.NPY"));
    assert_true(picture_has_known_extension("a.png"));
    assert_false(picture_has_known_extension("a.npz"));
}

static void check_refused(const char *path, const char *expected)
{
    struct picture picture;
    struct reason reason = { "" };
    if (picture_read(path, &picture, &reason))
        fail_msg("%s is accepted", path);
    assert_null(picture.samples);
    if (!strstr(reason.text, expected))
        fail_msg("%s: \"%s\" instead of \"%s\"", path, reason.text, expected);
}

// A file of version 1 with this dictionary and so many bytes of data.
static void check_header(const char *header, size_t data, const char *expected)
{
    static const char path[] = SCRATCH "/made.npy";
    size_t length = strlen(header);
    uint8_t *file = mem_zalloc(10 + length + data);
    memcpy(file, "\x93NUMPY\1\0", 8);
    file[8] = (uint8_t)length;
    file[9] = (uint8_t)(length >> 8);
    memcpy(file + 10, header, length);
    assert_true(file_write(path, file, 10 + length + data));
    mem_free(file);
    if (expected) {
        check_refused(path, expected);
    } else {
        struct picture p;
        struct reason reason;
        if (!picture_read(path, &p, &reason))
            fail_msg("%s: %s", header, reason.text);
        picture_free(&p);
    }
}

static void test_headers(void **state)
{
    (void)state;
#define HEADER(type, order, shape)                                                     \
    "{'descr': '" type "', 'fortran_order': " order ", 'shape': " shape ", }"
    check_header(HEADER("<u2", "False", "(2, 3, 4)"), 48, NULL);
    check_header("{\"shape\":(2,3,4,),\"descr\":\"<u2\",\"fortran_order\":True}\n", 48,
                 NULL);
    check_header(HEADER("|u1", "False", "(3, 4L)"), 12, NULL);
    check_header(HEADER("<u2", "False", "(2, 3, 4)"), 47, "truncated .npy: 47 bytes");
    check_header(HEADER("<u2", "False", "(2, 3, 4)"), 49, "damaged .npy: 49 bytes");
    check_header(HEADER("<f8", "False", "(2, 3, 4)"), 192, NULL);
    check_header(HEADER("<c8", "False", "(2, 3, 4)"), 192, "an array of <c8, not of");
    check_header(HEADER("|S1", "False", "(2, 3, 4)"), 24, "an array of |S1, not of");
    check_header(HEADER("|O", "False", "(2, 3, 4)"), 48, "an array of |O");
    check_header(HEADER("", "False", "(2, 3, 4)"), 48, "an array of");
    check_header(HEADER("<u2", "False", "()"), 2, "no axes");
    check_header(HEADER("<u2", "False", "(7,)"), 14, "one axis");
    check_header(HEADER("<u2", "False", "(1, 1, 2, 3)"), 12, "more than three");
    check_header(HEADER("<u2", "False", "(1, 1, 1, 1, 1, 1, 1)"), 2, "more than three");
    check_header(HEADER("<u2", "False", "(0, 3, 4)"), 0, "is not an image");
    check_header(HEADER("<u2", "False", "(65, 3, 4)"), 0, "65x3x4 is not an image");
    check_header(HEADER("<u2", "False", "(1, 2000000, 1)"), 0, "is not an image");
    check_header(HEADER("<f4", "False", "(64, 32768, 32768)"), 0, "truncated");
    check_header(HEADER("<f4", "False", "(64, 1048577, 1)"), 0, "is not an image");
    check_header(HEADER("<u2", "False", "(18446744073709551617, 1, 1)"), 2,
                 "is not an image");
    check_header(
        HEADER("<u2", "False", "(4294967296, 4294967296, 99999999999999999999999999)"),
        2, "is not an image");
    check_header(HEADER("<u2", "False", "(-1, 3, 4)"), 24, "damaged");
    check_header(HEADER("<u2", "Maybe", "(2, 3, 4)"), 48, "damaged");
    check_header(HEADER("<u2", "False", "(2, 3, 4"), 48, "damaged");
    check_header("{'descr': [('a', '<u2')], 'fortran_order': False, 'shape': (2, 2)}",
                 8, "damaged .npy, or not an array");
    check_header("{'descr': '<u2', 'fortran_order': False}", 8, "damaged");
    check_header("{'descr': '<u2', 'descr': '<u2'}", 8, "damaged");
    check_header("{'descr': 'a very long name of a type', }", 8, "damaged");
    check_header("{'descr': '<u2", 8, "damaged");
    check_header("", 0, "damaged");
#undef HEADER
    static const uint8_t version[] = "\x93NUMPY\7\0\0\0";
    assert_true(file_write(SCRATCH "/made.npy", version, 10));
    check_refused(SCRATCH "/made.npy", "unknown version 7.0");
    assert_true(file_write(SCRATCH "/made.npy", version, 8));
    check_refused(SCRATCH "/made.npy", "unknown version");
    assert_true(file_write(SCRATCH "/made.npy", version, 5));
    check_refused(SCRATCH "/made.npy", "not a .npy array");
    // What a file holds decides, also where its name says that it is an array.
    struct picture named, plain = read_fixture("grey8.png");
    struct reason reason;
    void *png;
    size_t png_size;
    assert_true(file_read(TEST_FIXTURES "/images/grey8.png", &png, &png_size));
    assert_true(file_write(SCRATCH "/made.npy", png, png_size));
    assert_true(picture_read(SCRATCH "/made.npy", &named, &reason));
    assert_same(&named, &plain);
    picture_free(&named);
    picture_free(&plain);
    mem_free(png);
    static const char heic[] = "\0\0\0\x18"
                               "ftypheic\0\0\0\0mif1heic";
    assert_true(file_write(SCRATCH "/made.jpg", heic, sizeof(heic)));
    check_refused(SCRATCH "/made.jpg", "a HEIC image: convert it to PNG or JPEG");
    assert_true(file_write(SCRATCH "/made.jpg", heic, 11));
    check_refused(SCRATCH "/made.jpg", PICTURE_UNKNOWN);
    assert_true(file_write(SCRATCH "/made.png", "<!doctype html>", 15));
    check_refused(SCRATCH "/made.png", "a web page: download the image itself");
    assert_true(file_write(SCRATCH "/made.npy", "", 0));
    check_refused(SCRATCH "/made.npy", "the file is empty");
    check_refused(TEST_FIXTURES "/images/truncated.png", "truncated PNG");
    check_refused(SCRATCH "/absent.npy", "");
    // 4 GB of which nothing is on the disk, and nothing gets into memory.
    assert_true(test_resize_file(SCRATCH "/made.npy", UINT64_C(4000000000)));
    check_refused(SCRATCH "/made.npy", "not a .npy array");
    assert_true(os_file_rename(SCRATCH "/made.npy", SCRATCH "/made.tga"));
    check_refused(SCRATCH "/made.tga", PICTURE_UNKNOWN);
}

// Memory of this process at most so far, in MiB; 0 where that is not known.
static long peak_memory(void)
{
#ifdef __linux__
    struct rusage usage;
    assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
    return usage.ru_maxrss / 1024;
#else
    return 0;
#endif
}

// Large files, of which nothing but the beginning is on the disk, that begin as a
// picture does but say what cannot be: they are refused before they are read.
static void test_heads(void **state)
{
    enum { WHOLE = 1 << 30, SMALL = 100 << 20 };
    static const struct {
        const char *name;
        uint32_t whole;
        const char *reason;
        size_t size;
        uint8_t head[80];
    } cases[] = {
        { "cut.png", WHOLE, "damaged PNG", 33,
          "\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
          "\0\0\0\x0d\0\0\0\x09\x08\0\0\0\0\0\0\0\0" },
        { "wide.png", WHOLE, "2097152x2 is not a valid image size", 41,
          "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\x20\0\0\0\0\0\2\x08\0\0\0\0"
          "\x1e\x9f\xe6\xf6\0\1\0\0IDAT" },
        { "empty.jpg", WHOLE, "damaged JPEG", 3, "\xff\xd8\xff" },
        { "wide.jpg", WHOLE, "60000x60000 are more than", 21,
          "\xff\xd8\xff\xc0\0\x11\x08\xea\x60\xea\x60\3\1\x22\0\2\x11\1\3\x11\1" },
        { "wide.bmp", WHOLE, "30000x30000 are more than", 54,
          "BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x30\x75\0\0\x30\x75\0\0\1\0\x18" },
        { "cut.bmp", SMALL, "truncated BMP", 54,
          "BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x30\x75\0\0\x30\x10\0\0\1\0\x18" },
        { "wide.tga", WHOLE, "30000x30000 are more than", 18,
          "\0\0\2\0\0\0\0\0\0\0\0\0\x30\x75\x30\x75\x18" },
        { "cut.tga", SMALL, "truncated TGA", 18,
          "\0\0\2\0\0\0\0\0\0\0\0\0\x30\x75\x30\x10\x18" },
        { "long.npy", WHOLE,
          "damaged .npy: 1073741754 bytes of data, its header says 24", 70,
          "\x93NUMPY\1\0\x3c\0{'descr': '<u2', 'fortran_order': False, "
          "'shape': (3, 2, 2)}" },
        { "header.npy", WHOLE, "damaged .npy, or not an array of numbers", 12,
          "\x93NUMPY\2\0\0\0\0\x10" },
    };
    const long before = peak_memory();
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char *path = file_join(SCRATCH, cases[i].name);
        assert_true(file_write(path, cases[i].head, cases[i].size));
        assert_true(test_resize_file(path, cases[i].whole));
        check_refused(path, cases[i].reason);
        test_remove_tree(path);
        mem_free(path);
    }
    assert_true(peak_memory() - before < 32);

    // What the head does not say is read.
    char *header = mem_zalloc(20001);
    memset(header, ' ', 20000);
    memcpy(header, "{'descr': '|u1', 'fortran_order': False, 'shape': (3, 4)}", 57);
    check_header(header, 12, NULL);
    check_header(header, 11, "truncated .npy: 11 bytes");
    mem_free(header);
}

// A file of version 1 with these samples, little-endian, and what reading it gives.
static bool read_made(const char *type, const char *order, const char *shape,
                      enum array_order axes, const void *data, size_t size,
                      struct picture *p, struct reason *reason)
{
    static const char path[] = SCRATCH "/typed.npy";
    char header[200];
    uint8_t file[1024] = "\x93NUMPY\1\0";
    const int length = snprintf(header, sizeof(header),
                                "{'descr': '%s', 'fortran_order': %s, 'shape': %s, }",
                                type, order, shape);
    assert_true(length > 0 && 10 + (size_t)length + size <= sizeof(file));
    file[8] = (uint8_t)length;
    memcpy(file + 10, header, (size_t)length);
    memcpy(file + 10 + length, data, size);
    assert_true(file_write(path, file, 10 + (size_t)length + size));
    return picture_read_with(path, &(struct picture_reading){ .order = axes }, p,
                             reason);
}

// Each type is read as the kind that holds its numbers, or refused.
static void test_types(void **state)
{
    static const struct {
        const char *type;
        uint8_t data[16];
        size_t size;
        enum pixel_kind kind;
        double values[2];
        const char *refused;
    } cases[] = {
        { "|b1", { 0, 1 }, 2, PIXEL_U8, { 0, 255 }, NULL },
        { "|b1", { 0, 7 }, 2, PIXEL_U8, { 0 }, "[0, 0, 1] is not True or False" },
        { "|i1", { 0, 127 }, 2, PIXEL_U8, { 0, 127 }, NULL },
        { "|i1", { 0, 0xfe }, 2, PIXEL_U8, { 0 }, "i1 with the value -2: integers" },
        { "<i2", { 1, 0, 0xff, 0x7f }, 4, PIXEL_U16, { 1, 32767 }, NULL },
        { ">i2", { 0, 1, 0x7f, 0xff }, 4, PIXEL_U16, { 1, 32767 }, NULL },
        { "<i2", { 1, 0, 0, 0xfc }, 4, PIXEL_U16, { 0 }, "i2 with the value -1024: " },
        { "<i4", { 255, 255, 0, 0, 7 }, 8, PIXEL_U16, { 65535, 7 }, NULL },
        { "<i4", { 0, 0, 1, 0, 7 }, 8, PIXEL_U16, { 0 }, "i4 with the value 65536: " },
        { "<i4", { 0, 0, 0, 0x80 }, 8, PIXEL_U16, { 0 }, "the value -2147483648: " },
        { "<u4", { 0, 0, 0, 0x80 }, 8, PIXEL_U16, { 0 }, "the value 2147483648: " },
        { "<i8", { 3, 1, 0, 0, 0, 0, 0, 0, 9 }, 16, PIXEL_U16, { 259, 9 }, NULL },
        { "<i8",
          { 0, 0, 0, 0, 0, 0, 0, 0x80 },
          16,
          PIXEL_U16,
          { 0 },
          "the value -9223372036854775808: integers must be 0 to 65535" },
        { "<u8", { 3, 1, 0, 0, 0, 0, 0, 0, 9 }, 16, PIXEL_U16, { 259, 9 }, NULL },
        { "<f2", { 0, 0x3c, 0, 0xb8 }, 4, PIXEL_F32, { 1, -0.5 }, NULL },
        { "<f2", { 0, 0x7c, 0, 0 }, 4, PIXEL_F32, { 0 }, "[0, 0, 0] is not a finite" },
        { "<f8",
          { 0, 0, 0, 0, 0, 0, 0xe0, 0xbf, 0, 0, 0, 0, 0, 0, 0x10, 0x40 },
          16,
          PIXEL_F32,
          { -0.5, 4 },
          NULL },
        // 2^128, which floats do not have.
        { "<f8",
          { 0, 0, 0, 0, 0, 0, 0xf0, 0x47 },
          16,
          PIXEL_F32,
          { 0 },
          "is not a finite number of 32 bits" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct picture p;
        struct reason reason;
        const bool ok = read_made(cases[i].type, "False", "(1, 1, 2)", ARRAY_CHW,
                                  cases[i].data, cases[i].size, &p, &reason);
        if (ok != !cases[i].refused)
            fail_msg("case %zu, %s: %s", i, cases[i].type,
                     ok ? "accepted" : reason.text);
        if (!ok && !strstr(reason.text, cases[i].refused))
            fail_msg("case %zu, %s: \"%s\"", i, cases[i].type, reason.text);
        // The way out is named, whole.
        const char *way = "or as f4 and name its range with --range LO:HI";
        if (!ok && strstr(reason.text, "integers") && !strstr(reason.text, way))
            fail_msg("case %zu, %s: \"%s\"", i, cases[i].type, reason.text);
        if (!ok)
            continue;
        assert_int_equal(p.kind, cases[i].kind);
        for (size_t k = 0; k < 2; k++)
            if (number(&p, k) != cases[i].values[k])
                fail_msg("case %zu, %s: %g", i, cases[i].type, number(&p, k));
        picture_free(&p);
    }
    struct picture whole = read_fixture("f8.npy");
    assert_int_equal(whole.kind, PIXEL_F32);
    assert_true(number(&whole, 0) == value(0, 0, 0, 0) >> 8);
    picture_free(&whole);
}

// Pixels instead of planes, in either memory order, and what is taken for the other.
static void test_orders(void **state)
{
    // 2 rows of 3 pixels of 2 channels: sample (y, x, c) is 100 y + 10 x + c.
    static const uint8_t rows[12] = {
        0, 1, 10, 11, 20, 21, 100, 101, 110, 111, 120, 121
    };
    static const uint8_t columns[12] = { 0, 100, 10, 110, 20, 120,
                                         1, 101, 11, 111, 21, 121 };
    struct picture p;
    struct reason reason;
    (void)state;
    for (int fortran = 0; fortran < 2; fortran++) {
        if (!read_made("|u1", fortran ? "True" : "False", "(2, 3, 2)", ARRAY_HWC,
                       fortran ? columns : rows, 12, &p, &reason))
            fail_msg("%s", reason.text);
        assert_int_equal(p.channels, 2);
        assert_int_equal(p.height, 2);
        assert_int_equal(p.width, 3);
        for (uint32_t i = 0; i < 12; i++)
            assert_int_equal(((uint8_t *)p.samples)[i],
                             i / 3 % 2 * 100 + i % 3 * 10 + i / 6);
        assert_true(picture_write_ordered(SCRATCH "/pixels.npy", &p, ARRAY_HWC));
        struct picture back, planes;
        assert_true(picture_read_with(SCRATCH "/pixels.npy",
                                      &(struct picture_reading){ .order = ARRAY_HWC },
                                      &back, &reason));
        assert_same(&p, &back);
        assert_true(picture_read_with(SCRATCH "/pixels.npy",
                                      &(struct picture_reading){ .order = ARRAY_CHW },
                                      &planes, &reason));
        assert_int_equal(planes.channels, 2);
        assert_int_equal(planes.width, 2);
        assert_memory_equal(planes.samples, rows, 12);

        // Channels that do not fit, with sides that would.
        assert_false(picture_set_channels(&planes, 5, &reason));
        assert_string_equal(reason.text, "has 2 channels, the model 5");
        assert_false(picture_set_channels(&planes, 3, &reason));
        assert_non_null(
            strstr(reason.text, "sides of 3 and 2 it may be of the other --npy-order"));
        picture_free(&planes);
        picture_free(&back);
        picture_free(&p);
    }
    // One channel has no order.
    for (int axes = 0; axes < 2; axes++) {
        assert_true(read_made("|u1", "True", "(2, 3)", (enum array_order)axes, columns,
                              6, &p, &reason));
        assert_int_equal(p.channels, 1);
        assert_int_equal(p.width, 3);
        assert_int_equal(((uint8_t *)p.samples)[1], 10);
        assert_int_equal(((uint8_t *)p.samples)[3], 100);
        picture_free(&p);
    }
    assert_false(
        read_made("|u1", "False", "(256, 300, 3)", ARRAY_CHW, rows, 0, &p, &reason));
    assert_string_equal(reason.text, "an array of 256x300x3 is not an image [c, h, w]; "
                                     "it looks like [h, w, c], which --npy-order hwc "
                                     "reads");
    assert_false(
        read_made("|u1", "False", "(3, 256, 300)", ARRAY_HWC, rows, 0, &p, &reason));
    assert_non_null(strstr(reason.text, "like [c, h, w], which --npy-order chw reads"));
    assert_false(read_made("|u1", "False", "(7,)", ARRAY_HWC, rows, 7, &p, &reason));
    assert_non_null(strstr(reason.text, "one axis, not [h, w, c] or [h, w]"));
}

static void test_not_finite(void **state)
{
    static const float bad[] = { NAN, INFINITY, -INFINITY };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct picture p = read_fixture("f4.npy");
        ((float *)p.samples)[WIDTH * HEIGHT + 2 * WIDTH + 3] = bad[i];
        assert_true(picture_write(SCRATCH "/bad.npy", &p));
        check_refused(SCRATCH "/bad.npy", "[1, 2, 3] is not a finite number");
        picture_free(&p);
    }
}

// Neither the beginning of a file nor a changed byte may crash the reader.
static void test_hostile(void **state)
{
    static const char path[] = SCRATCH "/hostile.npy";
    struct picture p;
    struct reason reason;
    void *data;
    size_t size;
    (void)state;
    assert_true(file_read(TEST_FIXTURES "/images/f4.npy", &data, &size));
    for (size_t length = 0; length < size; length += length < 130 ? 1 : 97) {
        assert_true(file_write(path, data, length));
        check_refused(path, "");
    }
    uint8_t *bytes = data;
    for (size_t at = 0; at < 128; at++) {
        static const uint8_t changes[] = { 0x01, 0x20, 0x80, 0xff };
        for (size_t k = 0; k < ARRAY_LEN(changes); k++) {
            bytes[at] ^= changes[k];
            assert_true(file_write(path, data, size));
            if (picture_read(path, &p, &reason))
                picture_free(&p);
            bytes[at] ^= changes[k];
        }
    }
    mem_free(data);
}

// ---------------------------------------------------------------------------
// Writing

static struct picture make(enum pixel_kind kind, uint32_t channels, uint32_t width,
                           uint32_t height, bool smooth)
{
    struct picture p;
    size_t i = 0;
    assert_true(picture_create(&p, kind, channels, width, height));
    for (uint32_t c = 0; c < channels; c++)
        for (uint32_t y = 0; y < height; y++)
            for (uint32_t x = 0; x < width; x++, i++) {
                uint32_t v = smooth ? x * 700 + y * 300 + c * 5000 : value(x, y, c, c);
                if (kind == PIXEL_U8)
                    ((uint8_t *)p.samples)[i] = (uint8_t)(v >> 8);
                else if (kind == PIXEL_U16)
                    ((uint16_t *)p.samples)[i] = (uint16_t)v;
                else
                    ((float *)p.samples)[i] = (float)v / 16384.0f - 2.0f;
            }
    return p;
}

static void check_round_trip(const char *name, enum pixel_kind kind, uint32_t channels,
                             uint32_t width, uint32_t height)
{
    for (int smooth = 0; smooth < 2; smooth++) {
        struct picture p = make(kind, channels, width, height, smooth), back;
        struct reason reason;
        char *path = file_join(SCRATCH, name);
        assert_true(picture_write(path, &p));
        if (!picture_read(path, &back, &reason))
            fail_msg("%s, %u channels: %s", name, channels, reason.text);
        assert_same(&p, &back);
        picture_free(&p);
        picture_free(&back);
        mem_free(path);
    }
}

static void test_write(void **state)
{
    static const uint32_t sizes[][2] = { { 1, 1 }, { 13, 9 }, { 64, 31 }, { 3, 200 } };
    (void)state;
    for (size_t s = 0; s < ARRAY_LEN(sizes); s++)
        for (uint32_t channels = 1; channels <= 6; channels++) {
            uint32_t w = sizes[s][0], h = sizes[s][1];
            for (int kind = 0; kind < PIXEL_KINDS; kind++)
                check_round_trip("a.npy", (enum pixel_kind)kind, channels, w, h);
            for (int kind = 0; kind < PIXEL_F32 && channels <= 4; kind++)
                check_round_trip("a.PNG", (enum pixel_kind)kind, channels, w, h);
        }
    check_round_trip("a.bmp", PIXEL_U8, 3, 13, 9);

    errors = 0;
    struct picture p = make(PIXEL_F32, 3, 4, 4, false);
    assert_false(picture_write(SCRATCH "/no.png", &p));
    assert_non_null(strstr(log_last_error(), "3 channels of f32"));
    picture_free(&p);
    p = make(PIXEL_U8, 5, 4, 4, false);
    assert_false(picture_write(SCRATCH "/no.png", &p));
    assert_non_null(strstr(log_last_error(), "5 channels of u8"));
    picture_free(&p);
    p = make(PIXEL_U16, 3, 4, 4, false);
    assert_false(picture_write(SCRATCH "/no.jpg", &p));
    assert_non_null(strstr(log_last_error(), "use .png or "));
    assert_false(picture_write(SCRATCH "/no.gif", &p));
    assert_false(picture_write(SCRATCH "/absent/no.npy", &p));
    assert_false(picture_write(SCRATCH "/absent/no.png", &p));
    assert_int_equal(errors, 6);
    assert_false(file_exists(SCRATCH "/no.png"));
    assert_false(file_exists(SCRATCH "/no.jpg"));
    errors = 0;
    picture_free(&p);
}

// Smooth 16-bit pictures get smaller: rows are filtered.
static void test_png_is_compressed(void **state)
{
    void *data;
    size_t size;
    (void)state;
    struct picture p = make(PIXEL_U16, 3, 200, 200, true);
    assert_true(picture_write(SCRATCH "/smooth.png", &p));
    assert_true(file_read(SCRATCH "/smooth.png", &data, &size));
    assert_true(size < picture_bytes(&p) / 20);
    mem_free(data);
    picture_free(&p);
}

// ---------------------------------------------------------------------------
// Conversions

static void test_channels(void **state)
{
    // From, to, and what each channel is then: a channel of before, the luma, opaque.
    enum { LUMA = 10, OPAQUE };
    static const struct {
        uint32_t from, to;
        int expected[4];
    } cases[] = {
        { 1, 2, { 0, OPAQUE } },
        { 1, 3, { 0, 0, 0 } },
        { 1, 4, { 0, 0, 0, OPAQUE } },
        { 2, 1, { 0 } },
        { 2, 3, { 0, 0, 0 } },
        { 2, 4, { 0, 0, 0, 1 } },
        { 3, 1, { LUMA } },
        { 3, 2, { LUMA, OPAQUE } },
        { 3, 4, { 0, 1, 2, OPAQUE } },
        { 4, 1, { LUMA } },
        { 4, 2, { LUMA, 3 } },
        { 4, 3, { 0, 1, 2 } },
        { 3, 3, { 0, 1, 2 } },
    };
    const size_t plane = WIDTH * HEIGHT;
    struct reason reason;
    (void)state;
    for (int kind = 0; kind < PIXEL_KINDS; kind++)
        for (size_t k = 0; k < ARRAY_LEN(cases); k++) {
            struct picture p = make(kind, cases[k].from, WIDTH, HEIGHT, false);
            struct picture before = make(kind, cases[k].from, WIDTH, HEIGHT, false);
            assert_true(picture_set_channels(&p, cases[k].to, &reason));
            assert_int_equal(p.channels, cases[k].to);
            assert_int_equal(p.kind, kind);
            for (uint32_t c = 0; c < cases[k].to; c++)
                for (size_t i = 0; i < plane; i++) {
                    int source = cases[k].expected[c];
                    double expected = pixel_ends(kind, PIXEL_WHOLE).high;
                    if (source == LUMA) {
                        expected = 0.299 * number(&before, i) +
                                   0.587 * number(&before, plane + i) +
                                   0.114 * number(&before, 2 * plane + i);
                        // Pillow's fixed-point numbers, which add up to 1.
                        assert_true(fabs(number(&p, c * plane + i) - expected) <
                                    (kind == PIXEL_U8    ? 0.51
                                     : kind == PIXEL_U16 ? 1.5
                                                         : 1e-5));
                        continue;
                    }
                    if (source != OPAQUE)
                        expected = number(&before, (size_t)source * plane + i);
                    assert_true(number(&p, c * plane + i) == expected);
                }
            picture_free(&p);
            picture_free(&before);
        }

    struct picture p;
    assert_true(picture_create(&p, PIXEL_U8, 3, 1, 1));
    memcpy(p.samples, (uint8_t[]){ 10, 200, 77 }, 3);
    assert_true(picture_set_channels(&p, 1, &reason));
    assert_int_equal(*(uint8_t *)p.samples, 129);    // Pillow 9.4
    assert_false(picture_set_channels(&p, 5, &reason));
    assert_non_null(strstr(reason.text, "image files cannot have 5"));
    picture_free(&p);

    p = read_fixture("u1.npy");
    assert_true(picture_set_channels(&p, 3, &reason));
    assert_false(picture_set_channels(&p, 1, &reason));
    assert_string_equal(reason.text, "has 3 channels, the model 1");
    picture_free(&p);
}

static void test_kinds(void **state)
{
    struct picture p, wide;
    (void)state;
    assert_true(picture_create(&p, PIXEL_U8, 1, 256, 1));
    for (int i = 0; i < 256; i++)
        ((uint8_t *)p.samples)[i] = (uint8_t)i;
    assert_true(picture_set_kind(&p, PIXEL_U16, PIXEL_WHOLE));
    for (size_t i = 0; i < 256; i++)
        assert_true(number(&p, i) == (double)i * 257);
    assert_true(picture_set_kind(&p, PIXEL_U8, PIXEL_WHOLE));
    for (size_t i = 0; i < 256; i++)
        assert_true(number(&p, i) == (double)i);
    assert_true(picture_set_kind(&p, PIXEL_F32, PIXEL_WHOLE));
    for (size_t i = 0; i < 256; i++)
        assert_true(fabs(number(&p, i) - ((double)i / 127.5 - 1)) < 1e-6);
    picture_free(&p);

    // As the networks' output: rounded, and nothing outside.
    static const float floats[] = { -1, 1, 0, 0.999f, 2, -2, NAN, INFINITY };
    static const double bytes[] = { 0, 255, 128, 255, 255, 0, 0, 255 };
    static const double words[] = { 0, 65535, 32768, 65502, 65535, 0, 0, 65535 };
    assert_true(picture_create(&p, PIXEL_F32, 1, ARRAY_LEN(floats), 1));
    assert_true(picture_create(&wide, PIXEL_F32, 1, ARRAY_LEN(floats), 1));
    memcpy(p.samples, floats, sizeof(floats));
    memcpy(wide.samples, floats, sizeof(floats));
    assert_true(picture_set_kind(&p, PIXEL_U8, PIXEL_WHOLE));
    assert_true(picture_set_kind(&wide, PIXEL_U16, PIXEL_WHOLE));
    for (size_t i = 0; i < ARRAY_LEN(floats); i++) {
        assert_true(number(&p, i) == bytes[i]);
        assert_true(number(&wide, i) == words[i]);
    }
    assert_true(picture_set_kind(&wide, PIXEL_F32, PIXEL_WHOLE));
    assert_true(fabs(number(&wide, 2)) < 2e-5);
    picture_free(&p);
    picture_free(&wide);
}

static void test_show(void **state)
{
    static const uint32_t shown[][3] = {
        { 0, 0, 0 }, { 0, 0, 0 }, { 0, 1, 2 }, { 0, 1, 2 }, { 0, 1, 2 }
    };
    (void)state;
    for (int kind = 0; kind < PIXEL_KINDS; kind++)
        for (uint32_t channels = 1; channels <= 5; channels++) {
            struct picture p = make(kind, channels, WIDTH, HEIGHT, false);
            struct picture bytes = make(kind, channels, WIDTH, HEIGHT, false);
            struct pix_image image;
            assert_true(picture_set_kind(&bytes, PIXEL_U8, PIXEL_WHOLE));
            assert_true(image_from_picture(&p, &image));
            for (size_t i = 0; i < WIDTH * HEIGHT; i++)
                for (uint32_t c = 0; c < 3; c++)
                    assert_true(
                        image.pixels[i * 3 + c] ==
                        number(&bytes, shown[channels - 1][c] * WIDTH * HEIGHT + i));
            image_free(&image);
            picture_free(&p);
            picture_free(&bytes);
        }
}

// ---------------------------------------------------------------------------
// Sizes

// The pixel under the centre, of every kind, smaller and larger.
static void test_resize_nearest(void **state)
{
    (void)state;
    for (int kind = 0; kind < PIXEL_KINDS; kind++) {
        struct picture p, out;
        assert_true(picture_create(&p, PIXEL_U8, 2, 10, 3));
        for (int i = 0; i < 60; i++)
            ((uint8_t *)p.samples)[i] = (uint8_t)(i * 37 % 251);
        assert_true(picture_set_kind(&p, (enum pixel_kind)kind, PIXEL_WHOLE));
        assert_true(picture_resize(&p, RESIZE_NEAREST, 4, 7, &out));
        for (size_t i = 0; i < (size_t)2 * 4 * 7; i++) {
            // Centres at 1.25, 3.75, 6.25, 8.75; rows of 3/7.
            const size_t x = (size_t[]){ 1, 3, 6, 8 }[i % 4],
                         y = (size_t[]){ 0, 0, 1, 1, 1, 2, 2 }[i / 4 % 7];
            assert_true(picture_sample(&out, i) ==
                        picture_sample(&p, i / 28 * 30 + y * 10 + x));
        }
        picture_free(&p);
        picture_free(&out);
    }
}

// As Pillow has it.
static void test_resize_nearest_golden(void **state)
{
    static const uint32_t sizes[][2] = { { 16, 20 }, { 64, 44 } };
    struct picture in = read_fixture("noise_in.png"), out;
    (void)state;
    for (size_t s = 0; s < ARRAY_LEN(sizes); s++) {
        char name[64];
        snprintf(name, sizeof(name), "noise_nearest_%ux%u.png", (unsigned)sizes[s][0],
                 (unsigned)sizes[s][1]);
        struct picture expected = read_fixture(name);
        assert_true(
            picture_resize(&in, RESIZE_NEAREST, sizes[s][0], sizes[s][1], &out));
        assert_int_equal(picture_bytes(&out), picture_bytes(&expected));
        assert_memory_equal(out.samples, expected.samples, picture_bytes(&out));
        picture_free(&expected);
        picture_free(&out);
    }
    picture_free(&in);
}

static void test_resize(void **state)
{
    static const char *const names[] = {
        [RESIZE_BICUBIC] = "bicubic",
        [RESIZE_BILINEAR] = "bilinear",
        [RESIZE_AREA] = "area",
    };
    static const uint32_t sizes[][2] = { { 29, 7 }, { 5, 11 } };
    static const uint32_t byte_sizes[][2] = { { 17, 13 }, { 64, 47 } };
    char name[64];
    (void)state;
    struct picture all = read_fixture("f4.npy"), in = all, out;
    in.channels = 1;
    struct picture bytes = read_fixture("noise_in.png");
    for (int f = 0; f <= RESIZE_AREA; f++)
        for (size_t s = 0; s < 2; s++) {
            snprintf(name, sizeof(name), "f4_%s_%ux%u.npy", names[f], sizes[s][0],
                     sizes[s][1]);
            struct picture expected = read_fixture(name);
            assert_true(picture_resize(&in, f, sizes[s][0], sizes[s][1], &out));
            assert_int_equal(out.width, expected.width);
            assert_int_equal(out.height, expected.height);
            for (size_t i = 0; i < (size_t)out.width * out.height; i++)
                if (fabs(number(&out, i) - number(&expected, i)) > 1e-6)
                    fail_msg("%s: %zu is %.9g, not %.9g", name, i, number(&out, i),
                             number(&expected, i));
            picture_free(&out);
            picture_free(&expected);
            if (f == RESIZE_BICUBIC)
                continue;    // test_image has more of it
            snprintf(name, sizeof(name), "noise_%s_%ux%u.png", names[f],
                     byte_sizes[s][0], byte_sizes[s][1]);
            expected = read_fixture(name);
            assert_true(
                picture_resize(&bytes, f, byte_sizes[s][0], byte_sizes[s][1], &out));
            for (size_t i = 0; i < picture_bytes(&out); i++)
                if (fabs(number(&out, i) - number(&expected, i)) > 1)
                    fail_msg("%s: %zu is %g, not %g", name, i, number(&out, i),
                             number(&expected, i));
            picture_free(&out);
            picture_free(&expected);
        }
    picture_free(&bytes);
    picture_free(&all);
}

// 16-bit numbers go the way of floats, rounded and kept in range; nothing of one plane
// gets into another.
static void test_resize_wide(void **state)
{
    struct picture p, floats, out, expected;
    int low = 0, high = 0;
    (void)state;
    p = make(PIXEL_U16, 5, 31, 22, false);
    assert_true(picture_create(&floats, PIXEL_F32, 5, 31, 22));
    for (size_t i = 0; i < picture_bytes(&p) / 2; i++) {
        uint16_t *v = (uint16_t *)p.samples + i;
        *v = *v > 40000 ? 65535 : *v < 20000 ? 0 : *v;
        ((float *)floats.samples)[i] = *v;
    }
    assert_true(picture_resize(&p, RESIZE_BICUBIC, 47, 60, &out));
    assert_true(picture_resize(&floats, RESIZE_BICUBIC, 47, 60, &expected));
    for (size_t i = 0; i < picture_bytes(&out) / 2; i++) {
        double v = number(&expected, i);
        low += v < 0;
        high += v > 65535;
        v = floor(MAX(MIN(v, 65535.0), 0.0) + 0.5);
        assert_true(fabs(number(&out, i) - v) <= 1);
    }
    assert_true(low > 0 && high > 0);    // bicubic overshoots
    picture_free(&out);
    picture_free(&expected);
    picture_free(&p);
    picture_free(&floats);
}

static void test_crop(void **state)
{
    (void)state;
    for (int kind = 0; kind < PIXEL_KINDS; kind++) {
        struct picture p = make(kind, 2, 7, 5, false), out;
        assert_true(picture_crop(&p, 2, 1, 4, 3, &out));
        for (size_t c = 0; c < 2; c++)
            for (size_t y = 0; y < 3; y++)
                for (size_t x = 0; x < 4; x++)
                    assert_true(number(&out, (c * 3 + y) * 4 + x) ==
                                number(&p, (c * 5 + y + 1) * 7 + x + 2));
        picture_free(&p);
        picture_free(&out);
    }
}

static int setup(void **state)
{
    (void)state;
    log_use(&sink);
    return file_make_folder(SCRATCH) ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_orders),
        cmocka_unit_test(test_not_finite),
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_write),
        cmocka_unit_test(test_png_is_compressed),
        cmocka_unit_test(test_channels),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_show),
        cmocka_unit_test(test_resize),
        cmocka_unit_test(test_resize_nearest),
        cmocka_unit_test(test_resize_nearest_golden),
        cmocka_unit_test(test_resize_wide),
        cmocka_unit_test(test_crop),
        cmocka_unit_test(test_heads),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
