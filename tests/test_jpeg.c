// SPDX-License-Identifier: MIT
//
// JPEG files of four colours, and those whose scans end early: whatever is made of them
// is the same each time, and sanitizers see nothing.

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/mem.h"
#include "data/codec.h"
#include "data/picture_file.h"

static uint8_t *load(const char *name, size_t *size)
{
    void *data;
    char *path = file_join(TEST_FIXTURES "/images", name);
    assert_true(file_read(path, &data, size));
    mem_free(path);
    return data;
}

static bool decode(const uint8_t *data, size_t size, struct picture *p,
                   struct reason *reason)
{
    struct source source = source_of_memory(data, size);
    return jpeg_decode(&source, &(struct picture_reading){ 0 }, p, reason);
}

#ifdef PIX_HAVE_JPEG
// Sample of a picture that is four times as large, between the pixels of the small one.
static double enlarged(const struct picture *small, uint32_t c, uint32_t x, uint32_t y)
{
    const uint8_t *plane =
        (const uint8_t *)small->samples + (size_t)c * small->width * small->height;
    double sum = 0;
    for (int corner = 0; corner < 4; corner++) {
        const double at_x = (x + 0.5) / 4 - 0.5, at_y = (y + 0.5) / 4 - 0.5;
        const double left = floor(at_x) + corner % 2, top = floor(at_y) + corner / 2;
        const double weight = (1 - fabs(at_x - left)) * (1 - fabs(at_y - top));
        const size_t column = (size_t)MAX(0.0, MIN(left, small->width - 1.0));
        const size_t row = (size_t)MAX(0.0, MIN(top, small->height - 1.0));
        sum += weight * plane[row * small->width + column];
    }
    return sum;
}

// Four components without Adobe's segment are ink: the picture is that of
// reference.png.
static void test_cmyk(void **state)
{
    struct picture p, reference;
    struct reason reason = { "" };
    size_t size;
    uint8_t *data = load("cmyk_no_adobe.jpg", &size);
    (void)state;
    assert_true(
        picture_read(TEST_FIXTURES "/images/reference.png", &reference, &reason));
    if (!decode(data, size, &p, &reason))
        fail_msg("%s", reason.text);
    assert_int_equal(p.channels, 3);
    assert_int_equal(p.width, 4 * reference.width);
    const uint8_t *sample = p.samples;
    double sum = 0;
    for (uint32_t c = 0; c < 3; c++)
        for (uint32_t y = 0; y < p.height; y++)
            for (uint32_t x = 0; x < p.width; x++)
                sum += fabs(*sample++ - enlarged(&reference, c, x, y));
    assert_true(sum / (double)picture_bytes(&p) < 8);
    picture_free(&p);
    picture_free(&reference);
    mem_free(data);
}
#else
// stb does not decode them.
static void test_cmyk(void **state)
{
    struct picture p;
    struct reason reason;
    size_t size;
    uint8_t *data = load("cmyk_no_adobe.jpg", &size);
    (void)state;
    assert_false(decode(data, size, &p, &reason));
    assert_null(p.samples);
    assert_non_null(strstr(reason.text, "without libjpeg-turbo, cannot read"));
    mem_free(data);
}
#endif

// The same with Adobe's segment, and a number there that means nothing.
static void test_transform(void **state)
{
    static const uint8_t segment[] = { 0xff, 0xee, 0,   14, 'A', 'd', 'o', 'b',
                                       'e',  0,    100, 0,  0,   0,   0,   0 };
    struct picture p;
    struct reason reason;
    size_t size;
    uint8_t *data = load("cmyk_no_adobe.jpg", &size);
    uint8_t *marked = mem_alloc(size + sizeof(segment));
    (void)state;
    memcpy(marked, data, 2);
    memcpy(marked + 2, segment, sizeof(segment));
    memcpy(marked + 2 + sizeof(segment), data + 2, size - 2);
    for (uint8_t transform = 0; transform < 4; transform++) {
        marked[17] = transform;
        bool ok = decode(marked, size + sizeof(segment), &p, &reason);
        assert_int_equal(ok, transform == 0 || transform == 2);
        if (ok)
            assert_int_equal(p.channels, 3);
        else
            assert_non_null(strstr(reason.text, "does not say how they are meant"));
        picture_free(&p);
    }
    mem_free(marked);
    mem_free(data);
}

// Cuts a file off at each place and ends the image there: the last scan has too few
// data.
static void test_short_scans(void **state)
{
    static const char *const names[] = { "rgb.jpg", "grey.jpg", "progressive.jpg" };
    int accepted = 0;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct picture p, again;
        struct reason reason;
        size_t size;
        uint8_t *data = load(names[i], &size);
        for (size_t length = size - 3; length > size / 2; length--) {
            uint8_t before[] = { data[length], data[length + 1] };
            data[length] = 0xff;
            data[length + 1] = 0xd9;
            if (decode(data, length + 2, &p, &reason)) {
                accepted++;
#ifdef PIX_HAVE_JPEG
                // Scans are left out as a whole: of a progressive one it was not more.
                assert_string_equal(names[i], "progressive.jpg");
#endif
                assert_true(decode(data, length + 2, &again, &reason));
                assert_memory_equal(p.samples, again.samples, picture_bytes(&p));
                picture_free(&again);
                picture_free(&p);
            }
            memcpy(data + length, before, 2);
        }
        mem_free(data);
    }
    assert_true(accepted > 0);
}

// What a file has that ends early is used, where that is wanted, and is what the whole
// file has there: the first block of each.
static void test_keep(void **state)
{
    static const char *const names[] = { "rgb.jpg", "grey.jpg" };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const struct picture_reading keep = { .keep_truncated = true };
        struct picture whole, p;
        struct reason reason = { "" };
        size_t size;
        uint8_t *data = load(names[i], &size);
        assert_true(decode(data, size, &whole, &reason));
        for (size_t length = size - 2; length > size - 40; length--) {
            struct source source = source_of_memory(data, length);
            assert_false(decode(data, length, &p, &reason));
            if (!jpeg_decode(&source, &keep, &p, &reason))
                fail_msg("%s, %zu bytes: %s", names[i], length, reason.text);
            assert_true(p.is_cut);
            assert_memory_equal(p.samples, whole.samples, 8);
            picture_free(&p);
        }
        picture_free(&whole);
        mem_free(data);
    }
}

// Two blocks of grey. The second one's DC number has 15 bits, of which none is there:
// the reader's count of bits becomes -15, and the next byte is shifted by 39.
static void test_missing_bits(void **state)
{
    static const uint8_t head[] = { 0xff, 0xd8, 0xff, 0xdb, 0, 67, 0 };
    static const uint8_t rest[] = {
        0xff, 0xc0, 0, 11, 8, 0, 8, 0, 16, 1, 1, 0x11, 0,    // 16 x 8, one component
        // DC: 0 stands for 14 bits, 1000000000000000 for 15; AC: 0 ends the block.
        0xff, 0xc4, 0, 21, 0x00, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 14, 15,
        0xff, 0xc4, 0, 20, 0x10, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0,    // the scan: a block, half of another
        0x00, 0x00, 0x80, 0x00, 0xff, 0xd9
    };
    uint8_t file[sizeof(head) + 64 + sizeof(rest)];
    struct picture p;
    struct reason reason;
    (void)state;
    memcpy(file, head, sizeof(head));
    memset(file + sizeof(head), 1, 64);    // quantization
    memcpy(file + sizeof(head) + 64, rest, sizeof(rest));
#ifdef PIX_HAVE_JPEG
    assert_false(decode(file, sizeof(file), &p, &reason));
    assert_string_equal(reason.text, "truncated JPEG");
#else
    if (!decode(file, sizeof(file), &p, &reason))
        fail_msg("%s", reason.text);
    assert_int_equal(p.width, 16);
    picture_free(&p);
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cmyk),         cmocka_unit_test(test_transform),
        cmocka_unit_test(test_short_scans),  cmocka_unit_test(test_keep),
        cmocka_unit_test(test_missing_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
