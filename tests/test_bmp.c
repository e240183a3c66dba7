// SPDX-License-Identifier: MIT
//
// BMP files of every header, palette and mask that is read, put together here from the
// description of the format, and those that are refused, with the reason. Small files
// that other programs made are in fixtures/images/.

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "data/codec.h"
#include "data/picture_file.h"
#include "support/decoding.h"

enum { WIDTH = 13, HEIGHT = 7, MOST = 8192 };

struct made {
    const char *name;
    uint32_t header, bits;
    uint32_t entries;    // of the palette
    uint32_t compression;
    uint32_t masks[4];
    uint32_t behind;    // masks behind the header and not in it
    uint32_t gap;       // bytes before the pixels
    bool top_down;
    uint32_t channels;    // of the picture; 0: 3
};

// What is stored at a place: an index, or all bits of a pixel.
static uint32_t stored(const struct made *m, uint32_t x, uint32_t y)
{
    uint32_t v = (x + 1) * 0x9e3779b1u + (y + 1) * 0x85ebca77u;
    v ^= v >> 15;
    return m->entries ? v % m->entries : m->bits == 32 ? v : v & ((1u << m->bits) - 1);
}

// Red, green or blue of an entry of the palette.
static uint8_t entry(uint32_t index, uint32_t c)
{
    return (uint8_t)(c == 0 ? index * 37 + 5 : c == 1 ? 255 - index * 11 : index * 101);
}

static size_t build(const struct made *m, uint8_t *file)
{
    const size_t wide = m->header == 12 ? 2 : 4;
    size_t at = 14 + m->header;
    memset(file, 0, MOST);
    memcpy(file, "BM", 2);
    bytes_put_little(file + 14, 4, m->header);
    bytes_put_little(file + 18, wide, WIDTH);
    bytes_put_little(file + 18 + wide, wide,
                     m->top_down ? 0x100000000u - HEIGHT : HEIGHT);
    bytes_put_little(file + 18 + 2 * wide, 2, 1);
    bytes_put_little(file + 20 + 2 * wide, 2, m->bits);
    if (m->header >= 40)
        bytes_put_little(file + 30, 4, m->compression);
    // In the header or behind it, they begin at the same place.
    for (size_t i = 0; i < 4; i++)
        if (m->header > 40 ? 54 + 4 * i < at : i < m->behind)
            bytes_put_little(file + 54 + 4 * i, 4, m->masks[i]);
    at += 4 * (size_t)m->behind;
    for (uint32_t i = 0; i < m->entries; i++) {
        for (uint32_t c = 0; c < 3; c++)
            file[at + c] = entry(i, 2 - c);
        at += m->header == 12 ? 3 : 4;
    }
    at += m->gap;
    bytes_put_little(file + 10, 4, at);
    for (uint32_t row = 0; row < HEIGHT; row++) {
        const uint32_t y = m->top_down ? row : HEIGHT - 1 - row;
        for (uint32_t x = 0; x < WIDTH; x++)
            for (uint32_t bit = 0; bit < m->bits; bit++) {
                // Pixels of a palette fill bytes from above, others are numbers.
                uint32_t number = m->bits <= 8 ? m->bits - 1 - bit : bit;
                size_t place = (size_t)x * m->bits + bit;
                uint32_t shift = m->bits <= 8 ? 7 - place % 8 : place % 8;
                if (stored(m, x, y) >> number & 1)
                    file[at + place / 8] |= (uint8_t)(1u << shift);
            }
        at += ((size_t)WIDTH * m->bits + 31) / 32 * 4;
    }
    bytes_put_little(file + 2, 4, at);
    assert_true(at < MOST);
    return at;
}

// The bits under a mask, repeated until there are 8.
static uint8_t under(uint32_t pixel, uint32_t mask)
{
    uint32_t value = 0, bits = 0, wide = 0;
    for (int i = 31; i >= 0; i--)
        if (mask >> i & 1) {
            value = value << 1 | (pixel >> i & 1);
            bits++;
        }
    for (uint32_t i = 0; i < 8; i++)
        wide = wide << 1 | (value >> (bits - 1 - i % bits) & 1);
    return (uint8_t)wide;
}

static uint8_t expected(const void *made, uint32_t x, uint32_t y, uint32_t c)
{
    const struct made *m = made;
    static const uint32_t usual[] = { 0xff0000, 0xff00, 0xff, 0xff000000 };
    static const uint32_t usual16[] = { 0x7c00, 0x3e0, 0x1f };
    uint32_t pixel = stored(m, x, y);
    if (m->entries)
        return entry(pixel, c);
    return under(pixel, m->compression  ? m->masks[c]
                        : m->bits == 16 ? usual16[c]
                                        : usual[c]);
}

static void check_read(const struct made *m)
{
    static uint8_t file[MOST];
    const struct decoding decoding = {
        .name = m->name,
        .accept = bmp_accept,
        .decode = bmp_decode,
        .channels = m->channels ? m->channels : 3,
        .width = WIDTH,
        .height = HEIGHT,
        .expected = expected,
        .made = m,
    };
    decoding_check(&decoding, file, build(m, file));
}

static void test_read(void **state)
{
    static const struct made all[] = {
        { "OS/2 1, 1 bit", 12, 1, 2 },
        { "OS/2 1, 4 bits", 12, 4, 16 },
        { "OS/2 1, 4 bits, 5 colours", 12, 4, 5 },
        { "OS/2 1, 8 bits", 12, 8, 256 },
        { "OS/2 1, 8 bits, 77 colours", 12, 8, 77 },
        { "OS/2 1, 24 bits", 12, 24 },
        { "OS/2 2, short", 16, 8, 256 },
        { "OS/2 2, 4 bits", 64, 4, 16 },
        { "OS/2 2, 24 bits", 64, 24 },
        { "1 bit", 40, 1, 2 },
        { "1 bit, 1 colour", 40, 1, 1 },
        { "4 bits", 40, 4, 16 },
        { "8 bits", 40, 8, 256 },
        { "8 bits, 3 colours", 40, 8, 3 },
        { "8 bits, gap", 40, 8, 256, .gap = 21 },
        { "8 bits, top first", 40, 8, 200, .top_down = true },
        { "16 bits", 40, 16 },
        { "24 bits", 40, 24 },
        { "24 bits, gap", 40, 24, .gap = 3 },
        { "24 bits, top first", 40, 24, .top_down = true },
        { "32 bits", 40, 32, .channels = 4 },
        { "version 4, 8 bits", 108, 8, 256 },
        { "version 5, 24 bits", 124, 24, .top_down = true },
        { "version 5, 32 bits", 124, 32, .channels = 4 },
        { "565", 40, 16, 0, 3, { 0xf800, 0x7e0, 0x1f }, 3 },
        { "565, gap", 40, 16, 0, 3, { 0xf800, 0x7e0, 0x1f }, 3, .gap = 8 },
        { "123", 40, 16, 0, 3, { 0x1, 0x6, 0x38 }, 3 },
        { "478", 40, 32, 0, 3, { 0xf, 0x7f0, 0x7f800 }, 3 },
        { "BGR", 40, 32, 0, 3, { 0xff, 0xff00, 0xff0000 }, 3 },
        { "alpha behind",
          40,
          16,
          0,
          6,
          { 0xf00, 0xf0, 0xf, 0xf000 },
          4,
          .channels = 4 },
        { "version 2", 52, 32, 0, 3, { 0xff000000, 0xff0000, 0xff00 } },
        { "version 3",
          56,
          32,
          0,
          3,
          { 0xff00, 0xff, 0xff000000, 0xff0000 },
          .channels = 4 },
        { "version 3, no alpha", 56, 16, 0, 3, { 0x1f, 0x3e0, 0x7c00 } },
        { "version 4, 5551", 108, 16, 0, 3, { 0xf800, 0x7c0, 0x3e, 1 }, .channels = 4 },
        { "version 5, 10 bits",
          124,
          32,
          0,
          3,
          { 0x3ff00000, 0xffc00, 0x3ff, 0xc0000000 },
          .channels = 4 },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        check_read(&all[i]);
}

// Alpha of 0 everywhere is a byte that nobody set.
static void test_alpha(void **state)
{
    static const struct made rgb = { "32 bits", 40, 32 };
    static uint8_t file[MOST];
    struct picture p;
    struct reason reason;
    (void)state;
    for (int set = 0; set < 2; set++) {
        size_t size = build(&rgb, file);
        for (size_t at = 54 + 3; at < size; at += 4)
            file[at] = 0;
        file[size - 1] = set ? 9 : 0;
        assert_true(
            bmp_decode(file, size, &(struct picture_reading){ 0 }, &p, &reason));
        assert_int_equal(p.channels, 4);
        const uint8_t *alpha = (const uint8_t *)p.samples + 3 * WIDTH * HEIGHT;
        assert_int_equal(alpha[WIDTH - 1], set ? 9 : 255);
        assert_int_equal(alpha[WIDTH], set ? 0 : 255);
        picture_free(&p);
    }
}

static void check_refused(const uint8_t *file, size_t size, const char *text)
{
    struct picture p;
    struct reason reason = { "" };
    if (bmp_decode(file, size, &(struct picture_reading){ 0 }, &p, &reason))
        fail_msg("\"%s\" is accepted", text);
    assert_null(p.samples);
    if (!strstr(reason.text, text))
        fail_msg("\"%s\" instead of \"%s\"", reason.text, text);
}

// A file of 24 bits, or with masks, of which one number is another one.
static void check_changed(const struct made *m, size_t at, size_t bytes,
                          uint64_t number, const char *text)
{
    static uint8_t file[MOST];
    size_t size = build(m, file);
    bytes_put_little(file + at, bytes, number);
    check_refused(file, size, text);
}

static void test_refuse(void **state)
{
    static const struct made
        plain = { "24", 40, 24 },
        indices = { "8", 40, 8, 256 },
        masks = { "565", 40, 16, 0, 3, { 0xf800, 0x7e0, 0x1f }, 3 },
        few = { "5 colours", 40, 8, 5 }, os2 = { "OS/2", 64, 24 },
        none = { "no colours", 40, 8, 1 };
    static uint8_t file[MOST];
    (void)state;
    check_changed(&plain, 10, 4, 53, "damaged BMP");
    check_changed(&plain, 10, 4, UINT32_MAX, "truncated BMP");
    check_changed(&plain, 14, 4, 41, "a header of 41 bytes");
    check_changed(&plain, 18, 4, 0, "damaged BMP");
    check_changed(&plain, 18, 4, 0xffffffff, "damaged BMP");
    check_changed(&plain, 18, 4, 2000000, "2000000x7 is not a valid image size");
    check_changed(&plain, 22, 4, 0, "damaged BMP");
    check_changed(&plain, 22, 4, 0x80000000, "13x2147483648 are more than");
    check_changed(&plain, 22, 4, 8, "truncated BMP");
    check_changed(&plain, 22, 4, 0x100000000 - 8, "truncated BMP");
    check_changed(&plain, 26, 2, 2, "damaged BMP");
    check_changed(&plain, 28, 2, 2, "pixels of 2 bits");
    check_changed(&plain, 28, 2, 48, "pixels of 48 bits");
    check_changed(&indices, 30, 4, 1, "run-length compression");
    check_changed(&indices, 30, 4, 2, "run-length compression");
    check_changed(&plain, 30, 4, 3, "masks for pixels of 24 bits");
    check_changed(&plain, 30, 4, 4, "compression 4, which is not read");
    check_changed(&plain, 30, 4, 5, "compression 5, which is not read");
    check_changed(&plain, 30, 4, 36, "36 is no kind of compression");
    check_changed(&plain, 30, 4, 0xffffffff, "4294967295 is no kind of compression");
    check_changed(&os2, 30, 4, 3, "compression 3, which is not read");
    check_changed(&masks, 54, 4, 0, "masks");           // no red
    check_changed(&masks, 54, 4, 0xa800, "masks");      // with holes
    check_changed(&masks, 54, 4, 0xffe0, "masks");      // green's
    check_changed(&masks, 54, 4, 0x1f0000, "masks");    // outside the pixel
    build(&few, file);
    check_changed(&few, 10, 4, 54 + 4 * 3, "of a palette of 3");
    check_changed(&none, 10, 4, 54, "damaged BMP: colour 0 of a palette of 0");
}

static void read_fixture(const char *name, struct picture *p)
{
    char path[256];
    struct reason reason;
    snprintf(path, sizeof(path), TEST_FIXTURES "/images/%s", name);
    if (!picture_read(path, p, &reason))
        fail_msg("%s: %s", name, reason.text);
}

// Files that were not made by this test.
static void test_others(void **state)
{
    struct picture expected, p;
    struct reason reason;
    (void)state;
    read_fixture("reference.png", &expected);
    read_fixture("topdown24.bmp", &p);
    assert_int_equal(p.width, expected.width);
    assert_int_equal(p.height, expected.height);
    assert_int_equal(p.channels, expected.channels);
    assert_memory_equal(p.samples, expected.samples, picture_bytes(&p));
    picture_free(&p);
    picture_free(&expected);

    // A checkerboard on the right, white on the left.
    read_fixture("os2_1bit.bmp", &p);
    assert_int_equal(p.width, 24);
    assert_int_equal(p.height, 16);
    for (uint32_t i = 0; i < 3 * 24 * 16; i++) {
        uint32_t x = i % 24, y = i / 24 % 16;
        bool is_white = x < 12 || (x + 15 - y) % 2 == 1;
        assert_int_equal(((const uint8_t *)p.samples)[i], is_white ? 255 : 0);
    }
    picture_free(&p);

    assert_false(
        picture_read(TEST_FIXTURES "/images/bmp_54B_100x100.bmp", &p, &reason));
    assert_non_null(strstr(reason.text, "BMP"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_alpha),
        cmocka_unit_test(test_refuse),
        cmocka_unit_test(test_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
