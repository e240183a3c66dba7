// SPDX-License-Identifier: MIT
//
// Reading TIFF: files that tifffile and Pillow made (support/fixtures/make_tiff.py),
// whole, by rows and damaged; what is refused, with the reason; and files of other
// programs, from PIX_TEST_DATA.

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <cmocka.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/os.h"
#include "data/codec.h"
#include "data/picture_file.h"
#include "data/tiff.h"
#include "data/tiff_tags.h"
#include "support/tree.h"

#ifdef PIX_HAVE_TIFF

#define FIXTURES TEST_FIXTURES "/tiff"
#define SCRATCH "test_tiff.tmp"

static bool ends_with(const char *text, const char *end)
{
    const size_t length = strlen(text), part = strlen(end);
    return length >= part && strcmp(text + length - part, end) == 0;
}

static bool begins_with(const char *text, const char *begin)
{
    return strncmp(text, begin, strlen(begin)) == 0;
}

// The array that a file has to hold: NAME.npy for NAME.tif and NAME-HOW.tif.
static void read_expected(const char *file, struct picture *p)
{
    char path[512];
    struct reason reason;
    const size_t length = strcspn(file, "-.");
    snprintf(path, sizeof(path), FIXTURES "/%.*s.npy", (int)length, file);
    if (!picture_read(path, p, &reason))
        fail_msg("%s: %s", path, reason.text);
}

static void check_same(const char *name, const struct picture *p,
                       const struct picture *expected, double most)
{
    if (p->kind != expected->kind || p->channels != expected->channels ||
        p->width != expected->width || p->height != expected->height)
        fail_msg("%s: %s %ux%ux%u, not %s %ux%ux%u", name, pixel_kind_name(p->kind),
                 (unsigned)p->channels, (unsigned)p->height, (unsigned)p->width,
                 pixel_kind_name(expected->kind), (unsigned)expected->channels,
                 (unsigned)expected->height, (unsigned)expected->width);
    const size_t count = picture_bytes(p) / pixel_bytes(p->kind);
    for (size_t i = 0; i < count; i++) {
        const double a = picture_sample(p, i), b = picture_sample(expected, i);
        if (!(a - b <= most && b - a <= most))
            fail_msg("%s: sample %zu is %.9g, not %.9g", name, i, a, b);
    }
}

// Files of which the fixtures have the samples; without those of several images.
static bool is_layout(const char *name)
{
    return ends_with(name, ".tif") && !begins_with(name, "place") &&
           !begins_with(name, "turned") && !begins_with(name, "pages") &&
           !begins_with(name, "overviews") && !begins_with(name, "circle");
}

static void for_layouts(void (*check)(const char *name, const char *path))
{
    struct file_list list;
    uint32_t count = 0;
    assert_true(file_list_read(FIXTURES, &list));
    for (size_t i = 0; i < list.count; i++) {
        char path[512];
        if (!is_layout(list.names[i]))
            continue;
        snprintf(path, sizeof(path), FIXTURES "/%s", list.names[i]);
        check(list.names[i], path);
        count++;
    }
    assert_true(count >= 70);
    file_list_free(&list);
}

// ---------------------------------------------------------------------------
// Whole files

// libjpeg is not the same library everywhere, so neither are its last bits.
static double tolerance_of(const char *name)
{
    return begins_with(name, "jpeg") ? 2 : 0;
}

static void check_whole(const char *name, const char *path)
{
    struct picture p, expected;
    struct reason reason;
    read_expected(name, &expected);
    if (!picture_read(path, &p, &reason))
        fail_msg("%s: %s", name, reason.text);
    check_same(name, &p, &expected, tolerance_of(name));
    assert_int_equal(p.is_narrow, begins_with(name, "narrow"));
    enum pixel_kind kind;
    assert_true(
        picture_find_kind(path, &(struct picture_reading){ 0 }, &kind, &reason));
    assert_int_equal(kind, p.kind);
    picture_free(&p);
    picture_free(&expected);
}

static void test_whole(void **state)
{
    (void)state;
    for_layouts(check_whole);
}

// Alpha belongs to grey and RGB; other channels are no colours.
static void test_colours(void **state)
{
    static const struct {
        const char *name;
        bool is_array;
    } files[] = {
        { "rgb8-none", false },        { "rgba8-unassociated", false },
        { "grey16-none", false },      { "grey_alpha16-planar", false },
        { "four8-unspecified", true }, { "bands7-deflate", true },
        { "f32-none-be", true },       { "divided8-associated", false },
        { "palette4-be", false },      { "cmyk8-none", false },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        char path[512];
        struct picture p;
        struct reason reason;
        snprintf(path, sizeof(path), FIXTURES "/%s.tif", files[i].name);
        assert_true(picture_read(path, &p, &reason));
        if (p.is_array != files[i].is_array)
            fail_msg("%s: is_array is %d", files[i].name, p.is_array);
        picture_free(&p);
    }
}

// ---------------------------------------------------------------------------
// Rows

// A few rows at a time, once forwards and once backwards.
static void check_rows(const char *name, const char *path)
{
    static const uint32_t steps[] = { 1, 5, 16, 17 };
    struct picture expected;
    struct reason reason;
    read_expected(name, &expected);
    for (size_t k = 0; k < ARRAY_LEN(steps); k++) {
        struct source source;
        assert_true(source_open(&source, path, &reason));
        struct tiff_reader *reader = tiff_reader_open(&source, 0, &reason);
        if (!reader)
            fail_msg("%s: %s", name, reason.text);
        const struct tiff_info *info = tiff_reader_info(reader);
        const size_t plane = (size_t)info->width * info->height;
        struct picture p;
        assert_true(
            picture_create(&p, info->kind, info->channels, info->width, info->height));
        const uint32_t step = steps[k], parts = (info->height + step - 1) / step;
        for (uint32_t i = 0; i < parts; i++) {
            const uint32_t y = (k % 2 ? parts - 1 - i : i) * step;
            if (!tiff_reader_read(reader, y, MIN(step, info->height - y),
                                  (char *)p.samples +
                                      (size_t)y * p.width * pixel_bytes(p.kind),
                                  plane, &reason))
                fail_msg("%s: rows from %u: %s", name, (unsigned)y, reason.text);
        }
        check_same(name, &p, &expected, tolerance_of(name));
        picture_free(&p);
        tiff_reader_close(reader);
        source_close(&source);
    }
    picture_free(&expected);
}

static void test_rows(void **state)
{
    (void)state;
    for_layouts(check_rows);
}

// ---------------------------------------------------------------------------
// Pages and orientation

static void test_pages(void **state)
{
    struct picture p, expected;
    struct reason reason;
    (void)state;
    for (uint32_t page = 0; page <= 3; page++) {
        const struct picture_reading reading = { .page = page };
        read_expected(page == 2 ? "pages_2." : "pages_1.", &expected);
        assert_true(picture_read_with(FIXTURES "/pages.tif", &reading, &p, &reason));
        check_same("pages", &p, &expected, 0);
        assert_int_equal(p.pages, 3);
        enum pixel_kind kind;
        assert_true(picture_find_kind(FIXTURES "/pages.tif", &reading, &kind, &reason));
        assert_int_equal(kind, p.kind);
        picture_free(&p);
        picture_free(&expected);
    }
    const struct picture_reading fourth = { .page = 4 };
    assert_false(picture_read_with(FIXTURES "/pages.tif", &fourth, &p, &reason));
    assert_string_equal(reason.text, "has no page 4: it has 3");
    assert_true(picture_read(FIXTURES "/overviews.tif", &p, &reason));
    assert_int_equal(p.pages, 1);
    assert_int_equal(p.width, 5);
    picture_free(&p);
    const struct picture_reading second = { .page = 2 };
    assert_true(picture_read_with(FIXTURES "/overviews.tif", &second, &p, &reason));
    assert_int_equal(p.width, 3);
    picture_free(&p);
    assert_true(picture_read(FIXTURES "/circle.tif", &p, &reason));
    picture_free(&p);
    assert_false(picture_read_with(FIXTURES "/circle.tif", &second, &p, &reason));
}

// Numbers 0 to 5 in two rows of three, turned as Pillow's ImageOps.exif_transpose does.
static void test_orientation(void **state)
{
    static const uint8_t upright[8][6] = {
        { 0, 1, 2, 3, 4, 5 }, { 2, 1, 0, 5, 4, 3 }, { 5, 4, 3, 2, 1, 0 },
        { 3, 4, 5, 0, 1, 2 }, { 0, 3, 1, 4, 2, 5 }, { 3, 0, 4, 1, 5, 2 },
        { 5, 2, 4, 1, 3, 0 }, { 2, 5, 1, 4, 0, 3 },
    };
    (void)state;
    for (uint32_t i = 1; i <= 8; i++) {
        char path[512];
        struct picture p;
        struct reason reason;
        snprintf(path, sizeof(path), FIXTURES "/turned-%u.tif", (unsigned)i);
        assert_true(picture_read(path, &p, &reason));
        assert_int_equal(p.orientation, i == 1 ? 0 : i);
        assert_int_equal(p.width, i < 5 ? 3 : 2);
        assert_memory_equal(p.samples, upright[i - 1], 6);
        picture_free(&p);
        const struct picture_reading as_stored = { .as_stored = true };
        assert_true(picture_read_with(path, &as_stored, &p, &reason));
        assert_int_equal(p.width, 3);
        assert_memory_equal(p.samples, upright[0], 6);
        picture_free(&p);
    }
}

// ---------------------------------------------------------------------------
// What is refused

static void test_refused(void **state)
{
    static const struct {
        const char *name, *reason;
    } files[] = {
        { "lzma", "compressed by LZMA, which is not read" },
        { "lerc", "compressed by LERC, which is not read" },
        { "complex", "complex numbers of 64 bits" },
        { "u32", "unsigned integers of 32 bits with the value " },
        { "i16", "signed integers of 16 bits with the value -" },
        { "nan", "a value is not a finite number (channel 0, row 5, column 3)" },
        { "f64", "not a finite number of 32 bits (channel 0, row 5, column 3)" },
        { "bands65", "a TIFF of 65 channels; 1 to 64 are read" },
        { "lab", "CIE L*a*b*" },
        { "ycbcr", "YCbCr without JPEG" },
        { "cfa", "a camera's sensor (CFA)" },
        { "sparse", "sparse or unfinished" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        char path[512];
        struct picture p;
        struct reason reason;
        snprintf(path, sizeof(path), FIXTURES "/refused/%s.tif", files[i].name);
        if (picture_read(path, &p, &reason))
            fail_msg("%s was read", files[i].name);
        if (!strstr(reason.text, files[i].reason))
            fail_msg("%s: %s", files[i].name, reason.text);
        // The way out is named, whole.
        if (strstr(reason.text, " integers of ") &&
            !strstr(reason.text,
                    "as 32-bit floats, and name theirs with --range LO:HI"))
            fail_msg("%s: %s", files[i].name, reason.text);
        assert_int_equal(reason.kind, REASON_CONTENT);
        assert_null(p.samples);
    }
}

// ---------------------------------------------------------------------------
// Memory: what is asked for is counted, and may fail. By the names of the C library of
// GNU, through which libraries ask, too; sanitizers have their own.

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__)
#define COUNTS_MEMORY 1

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *p, size_t size);
void __libc_free(void *p);

static struct {
    size_t live, peak, most;    // most 0: no limit
} memory;

static bool may_have(size_t size)
{
    if (memory.most == 0 || memory.live + size <= memory.most)
        return true;
    errno = ENOMEM;
    return false;
}

static void *note(void *p)
{
    memory.live += p ? malloc_usable_size(p) : 0;
    memory.peak = MAX(memory.peak, memory.live);
    return p;
}

void *malloc(size_t size)
{
    return may_have(size) ? note(__libc_malloc(size)) : NULL;
}

void *calloc(size_t count, size_t size)
{
    return may_have(count * size) ? note(__libc_calloc(count, size)) : NULL;
}

void *realloc(void *p, size_t size)
{
    const size_t before = p ? malloc_usable_size(p) : 0;
    void *again = may_have(size) ? __libc_realloc(p, size) : NULL;
    memory.live -= again ? before : 0;
    return note(again);
}

void free(void *p)
{
    memory.live -= p ? malloc_usable_size(p) : 0;
    __libc_free(p);
}
#else
static struct {
    size_t live, peak, most;
} memory;
#endif

// The bound of what reading may take.
#define MOST_MEMORY ((size_t)64 << 20)

// Noise, which no compression makes small.
static void make_large(const char *path, uint32_t channels, uint16_t compression,
                       uint32_t tile, bool is_planar)
{
    struct picture_tags tags = { .compression = compression,
                                 .predictor = 2,
                                 .tile_width = tile,
                                 .tile_height = tile,
                                 .is_planar = is_planar };
    struct picture p;
    assert_true(picture_create(&p, PIXEL_U8, channels, 500, 400));
    p.is_array = true;
    uint32_t state = 1;
    for (size_t i = 0; i < picture_bytes(&p); i++) {
        state = state * 1664525 + 1013904223;
        ((uint8_t *)p.samples)[i] = (uint8_t)(state >> 24);
    }
    p.tags = &tags;
    assert_true(picture_write(path, &p));
    p.tags = NULL;
    picture_free(&p);
}

// With ever more memory: none that is missing is taken for damage.
static void test_missing_memory(void **state)
{
    static const struct {
        uint32_t channels, tile;
        uint16_t compression;
        bool is_planar;
    } files[] = {
        { 3, 0, 8, false },
        { 7, 256, 5, false },
        { 4, 128, 50000, true },
        { 3, 0, 1, true },
    };
    (void)state;
#ifndef COUNTS_MEMORY
    print_message("skipped: calls for memory cannot be made to fail here\n");
    skip();
#endif
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        static const char path[] = SCRATCH "/large.tif";
        struct picture p;
        struct reason reason;
        size_t room = 0, refused = 0;
        bool ok = false;
        make_large(path, files[i].channels, files[i].compression, files[i].tile,
                   files[i].is_planar);
        for (; !ok; room += 61 << 10) {
            memory.most = memory.live + room;
            ok = picture_read(path, &p, &reason);
            memory.most = 0;
            if (!ok && reason.kind != REASON_PASSING)
                fail_msg("file %zu: with %zu bytes: %s", i, room, reason.text);
            refused += !ok;
        }
        assert_true(refused > 16);
        assert_true(room < MOST_MEMORY + 4 * picture_bytes(&p));
        picture_free(&p);
    }
}

// ---------------------------------------------------------------------------
// Damage

static void write_bytes(const char *path, const void *data, size_t size)
{
    FILE *stream = fopen(path, "wb");
    assert_non_null(stream);
    assert_int_equal(fwrite(data, 1, size, stream), size);
    assert_int_equal(fclose(stream), 0);
}

#define DAMAGED SCRATCH "/damaged.tif"

// Whatever is in a file, it is read or refused as what it is, within the bound.
static void try_damaged(const char *name)
{
    const struct picture_reading reading = { .with_tags = true, .max_pixels = 1 << 22 };
    struct picture p;
    struct reason reason = { "" };
    const size_t before = memory.peak = memory.live;
    const bool ok = picture_read_with(DAMAGED, &reading, &p, &reason);
    const size_t image = ok ? picture_bytes(&p) : (size_t)4 << 22;
    if (memory.peak - before > MOST_MEMORY + 4 * image)
        fail_msg("%s: took %zu bytes", name, memory.peak - before);
    if (!ok && (reason.text[0] == '\0' || reason.kind != REASON_CONTENT))
        fail_msg("%s: %s", name, reason.text);
    picture_free(&p);
}

static void put_byte(uint64_t at, uint8_t byte)
{
    FILE *stream = fopen(DAMAGED, "r+b");
    assert_non_null(stream);
    assert_true(os_file_seek(stream, at));
    assert_int_equal(fputc(byte, stream), byte);
    assert_int_equal(fclose(stream), 0);
}

// In place: writing a file from its beginning may wait for the disk.
static void test_damage(void **state)
{
    static const char *const files[] = {
        "rgb8-lzw-tiles-planar-be",
        "grey4-packbits-strips4",
        "pages",
        "big-endian",
        "packed12-be",
        "f16",
    };
    static const uint8_t flips[] = { 0xff, 0x80, 0x01 };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        char path[512];
        void *data;
        size_t size;
        struct reason reason;
        snprintf(path, sizeof(path), FIXTURES "/%s.tif",
                 strcmp(files[i], "big-endian") == 0 ? "rgb8-big-be-tiles" : files[i]);
        assert_true(file_load(path, 1 << 20, &data, &size, &reason));
        const uint8_t *bytes = data;
        write_bytes(DAMAGED, data, size);
        // Samples in the middle are left out.
        const size_t first = 512, last = size > 1024 ? size - 512 : 0;
        for (size_t at = 0; at < size; at++) {
            if (at > first && at < last)
                continue;
            for (size_t k = 0; k < ARRAY_LEN(flips); k++) {
                put_byte(at, bytes[at] ^ flips[k]);
                try_damaged(path);
            }
            put_byte(at, bytes[at]);
        }
        while (size > 1) {
            size -= 1 + size / 512;
            assert_true(test_resize_file(DAMAGED, size));
            try_damaged(path);
        }
        mem_free(data);
    }
}

// ---------------------------------------------------------------------------
// Files that ask for more than they have

struct bomb {
    const char *name, *reason;
    uint32_t width, height, samples, bits, compression, tile, bytes;
};

// A little TIFF whose directory claims this; its one strip or tile has a few bytes.
static size_t build_bomb(const struct bomb *b, uint8_t file[512])
{
    const uint32_t entries[][3] = {
        { 256, 4, b->width },
        { 257, 4, b->height },
        { 258, 3, b->bits },
        { 259, 3, b->compression },
        { 262, 3, 1 },
        { b->tile ? 322 : 273, 4, b->tile ? b->tile : 8 },
        { b->tile ? 323 : 277, b->tile ? 4 : 3, b->tile ? b->tile : b->samples },
        { b->tile ? 324 : 278, 4, b->tile ? 8 : b->height },
        { b->tile ? 325 : 279, 4, b->bytes },
    };
    const size_t at = 128;
    memset(file, 0, 512);
    memcpy(file, "II*", 4);
    bytes_put_little(file + 4, 4, at);
    // A frame of zstd with a window of 2 GiB.
    memcpy(file + 8, "\x28\xb5\x2f\xfd\0\xa8", 6);
    bytes_put_little(file + at, 2, ARRAY_LEN(entries));
    for (size_t i = 0; i < ARRAY_LEN(entries); i++) {
        uint8_t *entry = file + at + 2 + 12 * i;
        bytes_put_little(entry, 2, entries[i][0]);
        bytes_put_little(entry + 2, 2, entries[i][1]);
        bytes_put_little(entry + 4, 4, 1);
        bytes_put_little(entry + 8, 4, entries[i][2]);
    }
    return 512;
}

static void test_bombs(void **state)
{
    static const struct bomb bombs[] = {
        { "pixels", "pixels", 30000, 30000, 1, 8, 8, 0, 100 },
        { "side", "damaged", 0xffffffff, 0xffffffff, 1, 8, 1, 0, 100 },
        { "channels", "channels", 10, 10, 65535, 8, 1, 0, 100 },
        { "tile", "tiles of", 10, 10, 1, 8, 8, 65536, 100 },
        { "large tile", "tiles of", 10, 10, 1, 8, 8, 0x40000000, 100 },
        { "strip", "for a strip", 10, 10, 1, 8, 8, 0, 0x7fffffff },
        { "beyond", "truncated", 1000, 1000, 1, 8, 8, 0, 1000000 },
        { "window", "zstd data that need", 10, 10, 1, 8, 50000, 0, 100 },
        { "empty", "damaged", 10, 10, 1, 8, 8, 0, 0 },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bombs); i++) {
        static const char path[] = SCRATCH "/bomb.tif";
        uint8_t file[512];
        struct picture p;
        struct reason reason;
        write_bytes(path, file, build_bomb(&bombs[i], file));
        const size_t before = memory.peak = memory.live;
        assert_false(picture_read(path, &p, &reason));
        if (!strstr(reason.text, bombs[i].reason))
            fail_msg("%s: %s", bombs[i].name, reason.text);
        assert_true(memory.peak - before < (4 << 20));
    }
}

// ---------------------------------------------------------------------------
// Files of other programs

static void check_means(const char *name, const struct picture *p, const char *means)
{
    const size_t plane = (size_t)p->width * p->height;
    double sums[PIXEL_MAX_CHANNELS] = { 0 };
    for (size_t i = 0; i < p->channels * plane; i++)
        sums[i / plane] += picture_sample(p, i);
    for (uint32_t c = 0; c < p->channels; c++) {
        char *end;
        const double mean = strtod(means, &end), is = sums[c] / (double)plane;
        if (!(is - mean < 0.5 && mean - is < 0.5))
            fail_msg("%s: channel %u has the mean %.4f, not %.4f", name, (unsigned)c,
                     is, mean);
        means = end;
    }
}

// As tifffile and Pillow read them (support/fixtures/real_tiff.py).
static void test_real(void **state)
{
    const char *folder = getenv("PIX_TEST_DATA");
    char line[512], path[1024];
    uint32_t read = 0;
    FILE *list = fopen(TEST_FIXTURES "/real_tiff.txt", "r");
    (void)state;
    assert_non_null(list);
    while (fgets(line, sizeof(line), list)) {
        char name[256], kind[8], hash[HASH_TEXT_SIZE], is[HASH_TEXT_SIZE];
        unsigned channels, width, height;
        int at;
        struct picture p;
        struct reason reason;
        assert_int_equal(sscanf(line, "%255s %7s %u %u %u %16s%n", name, kind,
                                &channels, &width, &height, hash, &at),
                         6);
        snprintf(path, sizeof(path), "%s/real/%s", folder ? folder : "", name);
        if (!folder || !file_exists(path))
            continue;
        if (!picture_read(path, &p, &reason))
            fail_msg("%s: %s", name, reason.text);
        assert_string_equal(pixel_kind_name(p.kind), kind);
        assert_int_equal(p.channels, channels);
        assert_int_equal(p.width, width);
        assert_int_equal(p.height, height);
        hash_digits(hash_bytes(HASH_START, p.samples, picture_bytes(&p)), is);
        if (strcmp(hash, "0000000000000000") != 0 && strcmp(hash, is) != 0)
            fail_msg("%s: other samples", name);
        check_means(name, &p, line + at);
        picture_free(&p);
        read++;
    }
    fclose(list);
    if (read == 0) {
        print_message("skipped: PIX_TEST_DATA names no folder with real/\n");
        skip();
    }
}

static int setup(void **state)
{
    (void)state;
    return file_make_folder(SCRATCH) ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),       cmocka_unit_test(test_colours),
        cmocka_unit_test(test_rows),        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_orientation), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_damage),      cmocka_unit_test(test_bombs),
        cmocka_unit_test(test_real),        cmocka_unit_test(test_missing_memory),
    };
    return cmocka_run_group_tests_name("tiff", tests, setup, NULL);
}

#else

int main(void)
{
    printf("skipped: this build is without libtiff\n");
    return 77;
}

#endif
