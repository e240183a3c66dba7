// SPDX-License-Identifier: MIT
//
// TGA files of every kind, colour map and order of pixels that is read, put together
// here from the description of the format, and those that are refused, with the reason.

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "data/codec.h"
#include "support/decoding.h"

enum { WIDTH = 7, HEIGHT = 5, MOST = 4096, IDENTIFIER = 3 };

struct made {
    const char *name;
    uint32_t type, bits;
    uint32_t first, entries, entry;    // of the colour map; bits of one
    bool from_right, from_top;
    uint32_t channels;    // of the picture
};

// What is stored at a place: an index, or all bits of a pixel.
static uint32_t stored(const struct made *m, uint32_t x, uint32_t y)
{
    uint32_t v = (x + 1) * 0x9e3779b1u + (y + 1) * 0x85ebca77u;
    v ^= v >> 15;
    return m->entries      ? m->first + v % m->entries
           : m->bits == 32 ? v
                           : v & ((1u << m->bits) - 1);
}

// The bits of an entry of the colour map.
static uint32_t entry(const struct made *m, uint32_t index)
{
    uint32_t v = index * 0xc2b2ae35u;
    return m->entry == 32 ? v : v & ((1u << m->entry) - 1);
}

static size_t build(const struct made *m, uint8_t *file)
{
    const size_t entry_bytes = (m->entry + 7) / 8, bytes = (m->bits + 7) / 8;
    size_t at = 18 + IDENTIFIER;
    memset(file, 0, MOST);
    file[0] = IDENTIFIER;
    file[1] = m->entries > 0;
    file[2] = (uint8_t)m->type;
    bytes_put_little(file + 3, 2, m->first);
    bytes_put_little(file + 5, 2, m->entries);
    file[7] = (uint8_t)m->entry;
    bytes_put_little(file + 12, 2, WIDTH);
    bytes_put_little(file + 14, 2, HEIGHT);
    file[16] = (uint8_t)m->bits;
    file[17] = (uint8_t)(m->from_right * 0x10 + m->from_top * 0x20);
    for (uint32_t i = 0; i < m->entries; i++, at += entry_bytes)
        bytes_put_little(file + at, entry_bytes, entry(m, m->first + i));
    for (uint32_t i = 0; i < WIDTH * HEIGHT; i++) {
        uint32_t x = i % WIDTH, y = i / WIDTH;
        x = m->from_right ? WIDTH - 1 - x : x;
        y = m->from_top ? y : HEIGHT - 1 - y;
        // Packets in turns: three pixels as they are, one "repeated" once.
        if (m->type >= 9 && i % 4 == 0)
            file[at++] = (uint8_t)(MIN(3u, WIDTH * HEIGHT - i) - 1);
        else if (m->type >= 9 && i % 4 == 3)
            file[at++] = 0x80;
        bytes_put_little(file + at, bytes, stored(m, x, y));
        at += bytes;
    }
    assert_true(at < MOST);
    return at;
}

static uint8_t expected(const void *made, uint32_t x, uint32_t y, uint32_t c)
{
    const struct made *m = made;
    uint32_t bits = m->bits, pixel = stored(m, x, y);
    if (m->entries) {
        pixel = entry(m, pixel);
        bits = m->entry;
    }
    if (bits == 8 || m->type % 8 == 3)
        return (uint8_t)(pixel >> 8 * c);
    if (bits <= 16)
        return (uint8_t)((pixel >> (10 - 5 * c) & 31) * 255 / 31);
    return (uint8_t)(pixel >> (c == 3 ? 24 : 16 - 8 * c));
}

static void check_read(const struct made *m)
{
    static uint8_t file[MOST];
    const struct decoding decoding = {
        .name = m->name,
        .accept = tga_accept,
        .decode = tga_decode,
        .channels = m->channels,
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
        { "RGB", 2, 24, .channels = 3 },
        { "RGB, top first", 2, 24, .from_top = true, .channels = 3 },
        { "RGB, right first", 2, 24, .from_right = true, .channels = 3 },
        { "RGB, both", 2, 24, .from_right = true, .from_top = true, .channels = 3 },
        { "RGB with alpha, right first", 2, 32, .from_right = true, .channels = 4 },
        { "15 bits", 2, 15, .channels = 3 },
        { "16 bits", 2, 16, .from_top = true, .channels = 3 },
        { "grey", 3, 8, .channels = 1 },
        { "grey, right first", 3, 8, .from_right = true, .channels = 1 },
        { "grey with alpha", 3, 16, .channels = 2 },
        { "packed RGB", 10, 24, .from_right = true, .channels = 3 },
        { "packed RGB with alpha", 10, 32, .from_top = true, .channels = 4 },
        { "packed grey", 11, 8, .channels = 1 },
        { "map", 1, 8, 0, 256, 24, .channels = 3 },
        { "map from 1", 1, 8, 1, 9, 24, .channels = 3 },
        { "map from 200", 1, 8, 200, 56, 24, .from_top = true, .channels = 3 },
        { "map from 5, 15 bits", 1, 8, 5, 40, 15, .channels = 3 },
        { "map from 5, 16 bits", 1, 8, 5, 40, 16, .channels = 3 },
        { "map from 5, alpha", 1, 8, 5, 40, 32, .channels = 4 },
        { "map from 5, grey", 1, 8, 5, 40, 8, .channels = 1 },
        { "wide indices", 1, 16, 300, 400, 24, .from_right = true, .channels = 3 },
        { "packed map from 3", 9, 8, 3, 11, 24, .channels = 3 },
        { "packed wide indices", 9, 16, 65000, 500, 24, .channels = 3 },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        check_read(&all[i]);
}

static void check_changed(const struct made *m, size_t at, size_t bytes,
                          uint64_t number, const char *text)
{
    static uint8_t file[MOST];
    struct picture p;
    struct reason reason = { "" };
    size_t size = build(m, file);
    bytes_put_little(file + at, bytes, number);
    if (tga_decode(file, size, &(struct picture_reading){ 0 }, &p, &reason))
        fail_msg("\"%s\" is accepted", text);
    assert_null(p.samples);
    if (!strstr(reason.text, text))
        fail_msg("\"%s\" instead of \"%s\"", reason.text, text);
}

static void test_refuse(void **state)
{
    static const struct made plain = { "RGB", 2, 24, .channels = 3 },
                             map = { "map", 1, 8, 5, 40, 24, .channels = 3 },
                             packed = { "packed map", 9, 8, 5, 40, 24, .channels = 3 };
    const size_t pixels = 18 + IDENTIFIER + 40 * 3;
    (void)state;
    check_changed(&plain, 2, 1, 32, "TGA");
    check_changed(&plain, 12, 2, 0, "TGA");
    check_changed(&plain, 16, 1, 48, "TGA");
    check_changed(&plain, 17, 1, 0x40, "interleaved rows");
    check_changed(&plain, 17, 1, 0xc0, "interleaved rows");
    check_changed(&map, pixels + 20, 1, 4, "damaged TGA");
    check_changed(&map, pixels + 20, 1, 45, "damaged TGA");
    check_changed(&packed, pixels + 1, 1, 4, "damaged TGA");
    check_changed(&map, 3, 2, 65500, "damaged TGA");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_refuse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
