// SPDX-License-Identifier: MIT
//
// The files of fixtures/codecs.txt, which make_codecs.py has made with other libraries:
// each is read as those read it, or refused for the right reason. What is refused by
// its header is refused before anything is decoded, and what is cut or damaged
// somewhere is never a picture, nor more than that.

#define _GNU_SOURCE    // fopencookie

#include "data/codec.h"

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "data/jpeg_library.h"
#include "data/picture_file.h"
#include "support/decoding.h"
#include "support/tree.h"

#define SCRATCH "test_codec.scratch"

// One line: the file itself, and what it is.
struct made {
    char *name, *expected;
    uint8_t *data;
    size_t size;
};

static char *text;
static struct made *all;
static size_t count;

static bool begins_with(const char *s, const char *start)
{
    return strncmp(s, start, strlen(start)) == 0;
}

// Two hexadecimal digits each; returns how many bytes there are.
static size_t get_bytes(const char *digits, uint8_t *bytes)
{
    size_t size = 0;
    unsigned value;
    for (; sscanf(digits, "%2x", &value) == 1; digits += 2)
        bytes[size++] = (uint8_t)value;
    return size;
}

static int setup(void **state)
{
    size_t size;
    (void)state;
    if (!file_make_folder(SCRATCH) ||
        !file_read(TEST_FIXTURES "/codecs.txt", (void **)&text, &size))
        return -1;
    all = mem_array(1000, sizeof(*all));
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"), count++) {
        struct made *m = &all[count];
        assert_true(count < 1000);
        m->name = line;
        m->expected = strchr(line, '\t') + 1;
        m->expected[-1] = '\0';
        char *digits = strchr(m->expected, '\t') + 1;
        digits[-1] = '\0';
        m->data = mem_alloc(strlen(digits) / 2);
        m->size = get_bytes(digits, m->data);
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (size_t i = 0; i < count; i++)
        mem_free(all[i].data);
    mem_free(all);
    mem_free(text);
    return test_remove_tree(SCRATCH) ? 0 : -1;
}

// Whether this build reads the kind of file, and as the libraries of the fixtures do.
static bool is_read(const struct made *m)
{
#ifndef PIX_HAVE_WEBP
    if (begins_with(m->name, "webp"))
        return false;
#endif
#ifndef PIX_HAVE_JPEG
    if (begins_with(m->name, "jpeg"))
        return false;
#endif
    return m->name[0] != '\0';
}

// As picture_read does, from memory.
static bool decode(const struct made *m, size_t size,
                   const struct picture_reading *reading, struct picture *p,
                   struct reason *reason)
{
    // On the heap, so that sanitizers see a read past the end.
    uint8_t *data = mem_alloc(size);
    memcpy(data, m->data, size);
    struct source source = source_of_memory(data, size);
    bool ok = false;
    *p = (struct picture){ 0 };
    if (begins_with(m->name, "png"))
        ok = png_decode(&source, reading, p, reason);
    else if (begins_with(m->name, "jpeg"))
        ok = jpeg_decode(&source, reading, p, reason);
#ifdef PIX_HAVE_WEBP
    else
        ok = webp_decode(data, size, reading, p, reason);
#endif
    mem_free(data);
    return ok;
}

static const struct picture_reading usual = { 0 };

static void check_samples(const struct made *m, const struct picture *p)
{
    char kind[8], end[2000], digits[HASH_TEXT_SIZE];
    unsigned channels, width, height, orientation;
    int difference, at = 0;
    assert_int_equal(sscanf(m->expected, "%7s %u %u %u %u %n%1999s", kind, &channels,
                            &width, &height, &orientation, &at, end),
                     6);
    assert_string_equal(pixel_kind_name(p->kind), kind);
    assert_int_equal(p->channels, channels);
    assert_int_equal(p->width, width);
    assert_int_equal(p->height, height);
    assert_int_equal(p->orientation, orientation);
    assert_false(p->is_cut);
    if (end[0] != '~') {
        hash_digits(hash_bytes(HASH_START, p->samples, picture_bytes(p)), digits);
        assert_string_equal(digits, end);
        return;
    }
    static uint8_t expected[10000];
    const uint8_t *samples = p->samples;
    assert_int_equal(sscanf(end, "~%d", &difference), 1);
    const size_t size = get_bytes(strrchr(m->expected, ' ') + 1, expected);
    assert_int_equal(size, picture_bytes(p));
    for (size_t i = 0; i < size; i++)
        if (abs(samples[i] - expected[i]) > difference)
            fail_msg("sample %zu is %d, not %d", i, samples[i], expected[i]);
}

static void test_files(void **state)
{
    (void)state;
    assert_true(count > 100);
    for (size_t i = 0; i < count; i++) {
        const struct made *m = &all[i];
        struct picture p;
        struct reason reason = { "" };
        if (!is_read(m))
            continue;
        const bool ok = decode(m, m->size, &usual, &p, &reason);
        if (ok != (m->expected[0] != '!'))
            fail_msg("%s: %s", m->name, ok ? "is accepted" : reason.text);
        if (ok)
            check_samples(m, &p);
        else if (!strstr(reason.text, m->expected + 1))
            fail_msg("%s: \"%s\"", m->name, reason.text);
        picture_free(&p);
    }
}

// Photographs, drawings and scans, and what Pillow reads in them. They are not ours to
// give away.
static void test_real(void **state)
{
    const char *folder = getenv("PIX_TEST_DATA");
    char *lines, *path = mem_printf("%s/real/misc/SOURCE.txt", folder ? folder : "");
    const bool is_there = folder && file_exists(path);
    size_t size;
    (void)state;
    mem_free(path);
    if (!is_there) {
        print_message("skipped: PIX_TEST_DATA names no folder with real/ and hard/\n");
        skip();
    }
    assert_true(file_read(TEST_FIXTURES "/codecs_real.txt", (void **)&lines, &size));
    for (char *line = strtok(lines, "\n"); line; line = strtok(NULL, "\n")) {
        struct made m = { line, strchr(line, '\t') + 1, NULL, 0 };
        struct picture p;
        struct reason reason = { "" };
        m.expected[-1] = '\0';
        // The samples of JPEG files are those of libjpeg-turbo.
        const bool is_jpeg = picture_has_jpeg_extension(line);
        if (!picture_has_known_extension(line) ||
            (is_jpeg && strcmp(picture_jpeg_decoder(), "libjpeg-turbo") != 0))
            continue;
        path = file_join(folder, line);
        const bool ok = picture_read_with(
            path, &(struct picture_reading){ .as_stored = true }, &p, &reason);
        if (ok != (m.expected[0] != '!'))
            fail_msg("%s: %s", line, ok ? "is accepted" : reason.text);
        if (ok)
            check_samples(&m, &p);
        else if (!strstr(reason.text, m.expected + 1))
            fail_msg("%s: \"%s\"", line, reason.text);
        picture_free(&p);
        mem_free(path);
    }
    mem_free(lines);
}

// No beginning of a file is a picture, but of one that has more than it needs.
static void test_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < count; i++) {
        const struct made *m = &all[i];
        if (!is_read(m) || m->expected[0] == '!' || strstr(m->name, "bytes behind the"))
            continue;
        for (size_t size = 0; size < m->size; size++) {
            struct picture p;
            struct reason reason = { "" };
            if (decode(m, size, &usual, &p, &reason))
                fail_msg("%s: accepted at %zu of %zu bytes", m->name, size, m->size);
            assert_null(p.samples);
            assert_int_equal(reason.kind, REASON_CONTENT);
            assert_string_not_equal(reason.text, "");
        }
    }
}

// A seeded sample of damage: an answer, whatever it is.
static void test_damage(void **state)
{
    uint32_t random = 1;
    (void)state;
    for (size_t i = 0; i < count; i++)
        for (int k = 0; is_read(&all[i]) && k < 60; k++) {
            struct made m = all[i];
            struct picture p;
            struct reason reason = { "" };
            uint8_t *bytes = mem_alloc(m.size);
            memcpy(bytes, m.data, m.size);
            for (int n = 0; n < 1 + k % 3; n++) {
                random = random * 1664525 + 1013904223;
                bytes[(random >> 8) % m.size] ^= (uint8_t)(random >> 24 | 1);
            }
            m.data = bytes;
            if (decode(&m, m.size, &(struct picture_reading){ .max_pixels = 1 << 20 },
                       &p, &reason))
                assert_non_null(p.samples);
            else
                assert_int_equal(reason.kind, REASON_CONTENT);
            picture_free(&p);
            mem_free(bytes);
        }
}

#ifdef __linux__
// A file whose device fails behind some bytes.
struct failing {
    const uint8_t *data;
    uint64_t size, at, good;
};

static ssize_t failing_read(void *user, char *to, size_t size)
{
    struct failing *f = user;
    const uint64_t end = MIN(f->size, f->good);
    if (f->at >= f->good) {
        errno = EIO;
        return -1;
    }
    size = (size_t)MIN((uint64_t)size, end - f->at);
    memcpy(to, f->data + f->at, size);
    f->at += size;
    return (ssize_t)size;
}

static int failing_seek(void *user, off64_t *offset, int from)
{
    struct failing *f = user;
    if (from == SEEK_SET)
        f->at = (uint64_t)*offset;
    *offset = (off64_t)f->at;
    return 0;
}

// Nothing but the failure may be said of it: what is not there is no damage.
static void check_failing(const struct made *m, const uint8_t *data, size_t size,
                          size_t good)
{
    struct failing f = { data, size, 0, good };
    const cookie_io_functions_t functions = { failing_read, NULL, failing_seek, NULL };
    struct source source = { .size = size, .stream = fopencookie(&f, "rb", functions) };
    struct picture p = { 0 };
    struct reason reason = { "" };
    assert_non_null(source.stream);
    const bool ok = begins_with(m->name, "png")
                        ? png_decode(&source, &usual, &p, &reason)
                        : jpeg_decode(&source, &usual, &p, &reason);
    source_close(&source);
    picture_free(&p);
    if (ok ? !strstr(m->name, "behind the end") : reason.kind != REASON_PASSING)
        fail_msg("%s: of %zu bytes %zu can be read: %s", m->name, size, good,
                 ok ? "it is read" : reason.text);
}

// A comment behind the first marker of a JPEG, so that a read of 16 KiB, which begins
// behind it too, ends everywhere in the rest.
static void test_failing_reads(void **state)
{
    enum { BEGIN = 2, READ = BEGIN + 16 * 1024 };
    static uint8_t data[READ + 4096];
    (void)state;
    for (size_t i = 0; i < count; i++) {
        const struct made *m = &all[i];
        if (!is_read(m) || m->expected[0] == '!' || begins_with(m->name, "webp") ||
            m->size > 4000)
            continue;
        const bool is_jpeg = begins_with(m->name, "jpeg");
        const size_t last = m->size - (is_jpeg ? BEGIN : 0);
        for (size_t at = BEGIN; at < last; at++) {
            const size_t comment = READ - at - 2;
            const uint8_t marker[] = { 0xff, 0xfe, (uint8_t)(comment >> 8),
                                       (uint8_t)comment };
            if (!is_jpeg) {
                check_failing(m, m->data, m->size, at);
                continue;
            }
            memcpy(data, m->data, BEGIN);
            memcpy(data + BEGIN, marker, sizeof(marker));
            memcpy(data + READ - at + BEGIN, m->data + BEGIN, m->size - BEGIN);
            check_failing(m, data, READ - at + m->size, READ);
        }
    }
}
#endif

// A file that ends early is read as far as it goes, where that is asked for.
static void test_keep_truncated(void **state)
{
    const struct picture_reading keep = { .keep_truncated = true };
    (void)state;
    for (size_t i = 0; i < count; i++) {
        const struct made *m = &all[i];
        struct picture whole, p;
        struct reason reason = { "" };
        if (!begins_with(m->name, "jpeg 4") || !is_read(m))
            continue;
        assert_true(decode(m, m->size, &keep, &whole, &reason));
        assert_false(whole.is_cut);
        if (!decode(m, m->size - 12, &keep, &p, &reason))
            fail_msg("%s: %s", m->name, reason.text);
        assert_true(p.is_cut);
        assert_int_equal(p.width, whole.width);
        if (strstr(m->name, "444"))    // whose first block is whole
            assert_memory_equal(p.samples, whole.samples, 8);
        assert_memory_not_equal(p.samples, whole.samples, picture_bytes(&p));
        picture_free(&p);
        picture_free(&whole);
        // Where not even the frame is there, nothing can be read.
        assert_false(decode(m, 100, &keep, &p, &reason));
        assert_string_equal(reason.text, "truncated JPEG");
    }
}

// ---------------------------------------------------------------------------
// Work that files ask for

// One pixel more than is allowed, and nothing is decoded.
static void test_max_pixels(void **state)
{
    (void)state;
    for (size_t i = 0; i < count; i++) {
        const struct made *m = &all[i];
        struct picture p;
        struct reason reason = { "" };
        uint64_t width, height;
        if (!is_read(m) || m->expected[0] == '!' ||
            sscanf(m->expected, "%*s %*u %" SCNu64 " %" SCNu64, &width, &height) != 2 ||
            width * height < 2)
            continue;
        struct picture_reading reading = { .max_pixels = width * height };
        const uint64_t rows = codec_rows_decoded();
        assert_true(decode(m, m->size, &reading, &p, &reason));
        assert_true(codec_rows_decoded() == rows + height);
        picture_free(&p);
        reading.max_pixels--;
        assert_false(decode(m, m->size, &reading, &p, &reason));
        assert_non_null(strstr(reason.text, "allow more with --max-pixels"));
        assert_true(codec_rows_decoded() == rows + height);
    }
}

// Refused after at most so many rows.
static void check_bomb(const char *name, const uint8_t *data, size_t size,
                       uint64_t rows_most, const char *expected)
{
    const struct made m = { (char *)name, NULL, (uint8_t *)data, size };
    struct picture p;
    struct reason reason = { "" };
    const uint64_t rows = codec_rows_decoded();
    assert_false(decode(&m, size, &usual, &p, &reason));
    if (!strstr(reason.text, expected))
        fail_msg("%s: \"%s\"", name, reason.text);
    assert_true(codec_rows_decoded() - rows <= rows_most);
}

static void put_big(uint8_t *to, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> 8 * (3 - i));
}

static size_t put_chunk(uint8_t *to, const char *type, const void *data, uint32_t size)
{
    put_big(to, size);
    memcpy(to + 4, type, 4);
    if (size)
        memcpy(to + 8, data, size);
    put_big(to + 8 + size, decoding_crc(to + 4, size + 4));
    return size + 12;
}

// A grey PNG of 1 x 1 with these compressed data.
static size_t make_png(uint8_t *to, const uint8_t *data, uint32_t size)
{
    static const uint8_t header[] = { 0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0 };
    memcpy(to, "\x89PNG\r\n\x1a\n", 8);
    size_t at = 8 + put_chunk(to + 8, "IHDR", header, sizeof(header));
    at += put_chunk(to + at, "IDAT", data, size);
    return at + put_chunk(to + at, "IEND", NULL, 0);
}

// Compressed zeros (RFC 1951, 3.2.6): a literal, then copies of 258 bytes in 13 bits.
static void make_zeros(uint8_t *to, size_t size)
{
    static const char begin[] = "11000110000", copy[] = "1100010100000";
    size_t bit = 16;
    memset(to, 0, size);
    to[0] = 0x78;
    to[1] = 0x01;
    for (const char *s = begin; bit + sizeof(copy) < 8 * size; s = copy)
        for (; *s; s++, bit++)
            to[bit / 8] |= (uint8_t)((*s == '1') << bit % 8);
}

static void test_png_bombs(void **state)
{
    enum { MOST = 4 << 20 };
    uint8_t *data = mem_alloc(MOST), *file = mem_alloc(MOST + 100);
    (void)state;
    // 3 GB, or more than 60 MB, for one pixel.
    make_zeros(data, 3 << 20);
    check_bomb("png", file, make_png(file, data, 3 << 20), 0, "too many for an image");
    make_zeros(data, 60000);
    check_bomb("png", file, make_png(file, data, 60000), 1,
               "more compressed data than its header asks for");
    make_zeros(data, 600);
    check_bomb("png", file, make_png(file, data, 600), 1, "damaged PNG");
    mem_free(file);
    mem_free(data);
}

// A JPEG of so many scans, all of them empty.
static size_t make_scans(uint8_t *to, uint32_t scans)
{
    static const uint8_t begin[] = { 0xff, 0xd8, 0xff, 0xc2, 0, 11,   8, 0x32,
                                     0xc8, 0x32, 0xc8, 1,    1, 0x11, 0 };
    static const uint8_t scan[] = { 0xff, 0xda, 0, 8, 1, 1, 0, 0, 0, 0 };
    size_t at = sizeof(begin);
    memcpy(to, begin, at);
    for (uint32_t i = 0; i < scans; i++, at += sizeof(scan))
        memcpy(to + at, scan, sizeof(scan));
    to[at] = 0xff;
    to[at + 1] = 0xd9;
    return at + 2;
}

static void test_jpeg_bombs(void **state)
{
    static uint8_t file[100000];
    (void)state;
    check_bomb("jpeg", file, make_scans(file, 9000), 0,
               "a JPEG with 9000 scans; at most 100 are decoded");
    check_bomb("jpeg", file, make_scans(file, 101), 0, "a JPEG with 101 scans");
}

// Sides that a format cannot have are refused; PNG and .npy have all.
static void test_long(void **state)
{
    static const struct {
        const char *name;
        uint32_t side;
        bool fits;
    } cases[] = {
        { SCRATCH "/a.png", 70000, true },  { SCRATCH "/a.png", 1 << 20, true },
        { SCRATCH "/a.npy", 70000, true },  { SCRATCH "/a.bmp", 70000, true },
        { SCRATCH "/a.tga", 65535, true },  { SCRATCH "/a.tga", 65536, false },
        { SCRATCH "/a.jpg", 65500, true },  { SCRATCH "/a.jpg", 65501, false },
#ifdef PIX_HAVE_WEBP
        { SCRATCH "/a.webp", 16383, true }, { SCRATCH "/a.webp", 16384, false },
#endif
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct picture p, back;
        struct reason reason = { "" };
        assert_true(picture_create(&p, PIXEL_U8, 3, i % 2 ? 1 : cases[i].side,
                                   i % 2 ? cases[i].side : 1));
        if (picture_write(cases[i].name, &p) != cases[i].fits)
            fail_msg("%s, %u", cases[i].name, (unsigned)cases[i].side);
        if (!cases[i].fits)
            assert_non_null(strstr(log_last_error(), "this format cannot hold"));
        else if (!picture_read(cases[i].name, &back, &reason))
            fail_msg("%s, %u: %s", cases[i].name, (unsigned)cases[i].side, reason.text);
        else
            picture_free(&back);
        picture_free(&p);
    }
}

// What a build lacks is named.
static void test_missing(void **state)
{
    (void)state;
#ifndef PIX_HAVE_WEBP
    for (size_t i = 0; i < count; i++) {
        struct picture p;
        struct reason reason = { "" };
        if (strcmp(all[i].name, "webp lossless") != 0)
            continue;
        assert_true(file_write(SCRATCH "/a.webp", all[i].data, all[i].size));
        assert_false(picture_read(SCRATCH "/a.webp", &p, &reason));
        assert_string_equal(reason.text,
                            "a WebP, which this build, without libwebp, cannot read");
        return;
    }
    fail();
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_real),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_keep_truncated),
#ifdef __linux__
        cmocka_unit_test(test_failing_reads),
#endif
        cmocka_unit_test(test_max_pixels),
        cmocka_unit_test(test_png_bombs),
        cmocka_unit_test(test_jpeg_bombs),
        cmocka_unit_test(test_long),
        cmocka_unit_test(test_missing),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
