// SPDX-License-Identifier: MIT
//
// Images by rows: what is read so is what is read whole, what is written so is the same
// file; a full disk, or an end before the last row, leaves what was there; sizes that
// no image has are refused before memory is asked for.

#define _POSIX_C_SOURCE 200809L    // SIGXFSZ

#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/os.h"
#include "data/picture_file.h"
#include "data/rows.h"
#include "support/log.h"
#include "support/tree.h"

#define SCRATCH "test_rows.tmp"

// ---------------------------------------------------------------------------
// Reading

// Rows [y, y + count) against those of the whole picture.
static void check_rows(struct row_reader *r, uint32_t y, uint32_t count,
                       const struct picture *whole)
{
    struct picture rows, expected;
    struct reason reason;
    if (!row_reader_read(r, y, count, &rows, &reason))
        fail_msg("row %u: %s", (unsigned)y, reason.text);
    assert_true(picture_crop(whole, 0, y, whole->width, count, &expected));
    assert_int_equal(rows.is_array, whole->is_array);
    assert_memory_equal(rows.samples, expected.samples, picture_bytes(&expected));
    picture_free(&rows);
    picture_free(&expected);
}

static void check_file(const char *path, enum array_order order, bool is_held)
{
    const struct picture_reading reading = { .order = order };
    struct picture whole;
    struct reason reason = { "" };
    if (!picture_read_with(path, &reading, &whole, &reason))
        fail_msg("%s: %s", path, reason.text);
    struct row_reader *r = row_reader_open(path, &reading, &reason);
    if (!r)
        fail_msg("%s: %s", path, reason.text);
    if (r->is_held != is_held)
        fail_msg("%s is %sheld", path, is_held ? "not " : "");
    assert_int_equal(r->form.kind, whole.kind);
    assert_int_equal(r->form.channels, whole.channels);
    assert_int_equal(r->form.width, whole.width);
    assert_int_equal(r->form.height, whole.height);
    for (uint32_t y = 0, count = 1; y < whole.height; y += count, count += 2) {
        count = MIN(count, whole.height - y);
        check_rows(r, y, count, &whole);
    }
    check_rows(r, whole.height / 2, 1, &whole);    // back, and all at once
    check_rows(r, 0, whole.height, &whole);
    row_reader_close(r);
    picture_free(&whole);
}

static void test_read(void **state)
{
    static const struct {
        const char *name;
        bool is_held;
    } files[] = {
        { "images/rgb8.png", false },      { "images/rgb16.png", false },
        { "images/grey1.png", false },     { "images/palette.png", true },
        { "images/rgba8.png", true },      { "images/interlaced.png", true },
        { "images/u1.npy", false },        { "images/u2.npy", false },
        { "images/u2_big.npy", false },    { "images/u2_version2.npy", false },
        { "images/u2_plane.npy", false },  { "images/u2_fortran.npy", true },
        { "images/f4.npy", false },        { "images/f4_big.npy", false },
        { "images/f8.npy", false },        { "images/rgb.bmp", true },
#ifdef PIX_HAVE_TIFF
        { "tiff/f32-none-be.tif", false }, { "tiff/cmyk8-tiles.tif", false },
        { "tiff/narrow-u32.tif", true },
#endif
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        char *path = file_join(TEST_FIXTURES, files[i].name);
        check_file(path, ARRAY_CHW, files[i].is_held);
        mem_free(path);
    }
}

// A sample that is refused is named by its place in the image.
static void test_place(void **state)
{
    static const float infinite[] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, INFINITY };
    struct picture p, rows;
    struct reason reason;
    (void)state;
    assert_true(picture_create(&p, PIXEL_F32, 2, 2, 3));
    memcpy(p.samples, infinite, sizeof(infinite));
    assert_true(picture_write(SCRATCH "/place.npy", &p));
    struct row_reader *r =
        row_reader_open(SCRATCH "/place.npy", &(struct picture_reading){ 0 }, &reason);
    assert_non_null(r);
    assert_true(row_reader_read(r, 0, 2, &rows, &reason));
    picture_free(&rows);
    assert_false(row_reader_read(r, 2, 1, &rows, &reason));
    assert_non_null(strstr(reason.text, "the value at [1, 2, 1] is not a finite"));
    row_reader_close(r);
    picture_free(&p);
}

// ---------------------------------------------------------------------------
// Writing

static struct picture make(enum pixel_kind kind, uint32_t channels)
{
    struct picture p;
    uint32_t number = channels;
    assert_true(picture_create(&p, kind, channels, 37, 53));
    for (size_t i = 0; i < (size_t)channels * 37 * 53; i++) {
        number = number * 1664525 + 1013904223;
        if (kind == PIXEL_F32)
            ((float *)p.samples)[i] = (float)number / 4294967296.0f;
        else if (kind == PIXEL_U16)
            ((uint16_t *)p.samples)[i] = (uint16_t)(number >> 16);
        else
            ((uint8_t *)p.samples)[i] = (uint8_t)(number >> 24);
    }
    return p;
}

static const struct {
    const char *path;
    enum pixel_kind kind;
    uint32_t channels;
    enum array_order order;
} kinds[] = {
    { SCRATCH "/1.png", PIXEL_U8, 1, ARRAY_CHW },
    { SCRATCH "/3.png", PIXEL_U8, 3, ARRAY_CHW },
    { SCRATCH "/4.png", PIXEL_U16, 4, ARRAY_CHW },
    { SCRATCH "/chw3.npy", PIXEL_U8, 3, ARRAY_CHW },
    { SCRATCH "/chw5.npy", PIXEL_F32, 5, ARRAY_CHW },
    { SCRATCH "/hwc2.npy", PIXEL_U16, 2, ARRAY_HWC },
    { SCRATCH "/hwc5.npy", PIXEL_F32, 5, ARRAY_HWC },
    { SCRATCH "/3.bmp", PIXEL_U8, 3, ARRAY_CHW },
#ifdef PIX_HAVE_TIFF
    { SCRATCH "/7.tif", PIXEL_F32, 7, ARRAY_CHW },
#endif
};

// The first `height` rows, a few more each time.
static bool write_rows(struct row_writer *w, const struct picture *p, uint32_t height)
{
    bool ok = true;
    for (uint32_t y = 0, count = 1; ok && y < height; y += count, count += 2) {
        struct picture rows;
        count = MIN(count, height - y);
        assert_true(picture_crop(p, 0, y, p->width, count, &rows));
        ok = row_writer_write(w, &rows);
        picture_free(&rows);
    }
    return ok;
}

static bool write_file(size_t i, const struct picture *p)
{
    struct row_writer *w = row_writer_create(kinds[i].path, p, kinds[i].order);
    const bool ok = w && write_rows(w, p, p->height);
    return row_writer_end(w, ok) && ok;
}

static void check_content(const char *path, const void *expected, size_t size)
{
    void *data;
    size_t read;
    assert_true(file_read(path, &data, &read));
    assert_int_equal(read, size);
    assert_memory_equal(data, expected, size);
    mem_free(data);
}

static bool count_entry(void *user, const char *name)
{
    (void)name;
    ++*(size_t *)user;
    return true;
}

// What was there is, and nothing else.
static void check_old(const char *path)
{
    size_t count = 0;
    check_content(path, "old", 3);
    assert_true(os_folder_list(SCRATCH, count_entry, &count));
    assert_int_equal(count, 1);
}

static void test_write(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct picture p = make(kinds[i].kind, kinds[i].channels);
        void *whole;
        size_t size;
        assert_true(picture_write_ordered(kinds[i].path, &p, kinds[i].order));
        assert_true(file_read(kinds[i].path, &whole, &size));
        assert_true(os_file_remove(kinds[i].path));
        assert_true(write_file(i, &p));
        check_content(kinds[i].path, whole, size);
        check_file(kinds[i].path, kinds[i].order,
                   strstr(kinds[i].path, ".bmp") || strstr(kinds[i].path, "4.png"));
        mem_free(whole);
        picture_free(&p);
    }
}

// Without all rows, or where they are not wanted; where the disk is full at any moment:
// one message each.
static void test_ends(void **state)
{
    struct rlimit all;
    (void)state;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &all), 0);
    void (*before)(int) = signal(SIGXFSZ, SIG_IGN);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct picture p = make(kinds[i].kind, kinds[i].channels);
        const char *path = kinds[i].path;
        bool ok = false;
        assert_true(test_remove_tree(SCRATCH) && file_make_folder(SCRATCH));
        assert_true(file_write(path, "old", 3));
        for (int keeps = 0; keeps < 2; keeps++) {
            struct row_writer *w = row_writer_create(path, &p, kinds[i].order);
            assert_non_null(w);
            assert_true(write_rows(w, &p, p.height - (uint32_t)keeps));
            assert_true(row_writer_end(w, keeps));
            check_old(path);
        }
        for (rlim_t room = 0; !ok; room += 1501) {
            const struct rlimit some = { room, all.rlim_max };
            assert_int_equal(setrlimit(RLIMIT_FSIZE, &some), 0);
            test_keep_messages(LOG_INFO);
            ok = write_file(i, &p);
            assert_int_equal(setrlimit(RLIMIT_FSIZE, &all), 0);
            if (ok)
                break;
            if (test_messages.errors != 1 ||
                !strstr(test_messages.text, "cannot write"))
                fail_msg("%s, %zu bytes: %s", path, (size_t)room, test_messages.text);
            check_old(path);
        }
        check_file(path, kinds[i].order, strstr(path, ".bmp") || strstr(path, "4.png"));
        picture_free(&p);
    }
    signal(SIGXFSZ, before);
}

// Before the first row, not after the last.
static void test_refused(void **state)
{
    const struct picture form = { PIXEL_F32, 3, 10, 10 };
    (void)state;
    test_keep_messages(LOG_INFO);
    assert_null(row_writer_create(SCRATCH "/no.png", &form, ARRAY_CHW));
    test_check_message("cannot hold 3 channels of f32");
    assert_false(file_exists(SCRATCH "/no.png"));
}

// ---------------------------------------------------------------------------
// Sizes

static void put_big(uint8_t *to, uint32_t number)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(number >> (24 - 8 * i));
}

static uint32_t checksum(const uint8_t *data, size_t size)
{
    uint32_t sum = UINT32_MAX;
    for (size_t i = 0; i < size; i++) {
        sum ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            sum = sum >> 1 ^ (sum & 1 ? 0xedb88320u : 0);
    }
    return ~sum;
}

// A PNG that says so, black and white, with so many bytes of data.
static void write_png(uint32_t width, uint32_t height, bool is_interlaced,
                      uint32_t size)
{
    const uint8_t head[] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDRwwwwhhhh\1\0\0\0i____ssssIDAT";
    const uint8_t tail[] = "____\0\0\0\0IEND\xae\x42\x60\x82";
    enum { HEAD = sizeof(head) - 1, TAIL = sizeof(tail) - 1 };
    uint8_t *file = mem_zalloc(HEAD + size + TAIL);
    assert_non_null(file);
    memcpy(file, head, HEAD);
    put_big(file + 16, width);
    put_big(file + 20, height);
    file[28] = is_interlaced;
    put_big(file + 29, checksum(file + 12, 17));
    put_big(file + 33, size);
    memcpy(file + HEAD + size, tail, TAIL);
    assert_true(file_write(SCRATCH "/size", file, HEAD + size + TAIL));
    mem_free(file);
}

#ifdef PIX_HAVE_TIFF
static void put_entry(uint8_t *to, uint16_t tag, uint32_t value)
{
    memset(to, 0, 12);
    to[0] = (uint8_t)tag;
    to[1] = (uint8_t)(tag >> 8);
    to[2] = 4;    // LONG
    to[4] = 1;
    for (int i = 0; i < 4; i++)
        to[8 + i] = (uint8_t)(value >> 8 * i);
}

// Grey of 8 bits in one strip or one tile, of which there is nothing.
static void write_tiff(uint32_t width, uint32_t height, bool is_tiled)
{
    const uint32_t entries[][2] = {
        { 256, width },
        { 257, height },
        { 258, 8 },
        { 259, 1 },
        { 262, 1 },
        { is_tiled ? 322 : 273, is_tiled ? ALIGN_UP(width, 16u) : 8 },
        { is_tiled ? 323 : 278, is_tiled ? ALIGN_UP(height, 16u) : height },
        { is_tiled ? 324 : 279, 8 },
        { is_tiled ? 325 : 339, is_tiled ? 8 : 1 },
    };
    uint8_t file[8 + 2 + ARRAY_LEN(entries) * 12 + 4] = "II*\0\x08";
    file[8] = ARRAY_LEN(entries);
    for (size_t i = 0; i < ARRAY_LEN(entries); i++)
        put_entry(file + 10 + 12 * i, (uint16_t)entries[i][0], entries[i][1]);
    assert_true(file_write(SCRATCH "/size", file, sizeof(file)));
}
#endif

static void check_size(const char *message)
{
    struct reason reason = { "" };
    const struct picture_reading reading = { .with_tags = true };
    struct row_reader *r = row_reader_open(SCRATCH "/size", &reading, &reason);
    if (r || !strstr(reason.text, message))
        fail_msg("\"%s\", not \"%s\"", r ? "opened" : reason.text, message);
}

// Nothing that such sizes would take can be had here.
static void test_sizes(void **state)
{
    const uint32_t side = PICTURE_MAX_SIDE;
    struct rlimit all;
    (void)state;
    assert_int_equal(getrlimit(RLIMIT_AS, &all), 0);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    const struct rlimit some = { (rlim_t)4 << 30, all.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_AS, &some), 0);
#endif
    write_png(side + 1, 1, false, 2);
    check_size("is not a valid image size");
    write_png(1, side + 1, false, 2);
    check_size("is not a valid image size");
    write_png(side, side, false, 1 << 20);
    check_size("too few for an image of 1048576x1048576");
    write_png(1 << 17, 1 << 17, true, 3 << 20);
    check_size("--max-pixels");
#ifdef PIX_HAVE_TIFF
    write_tiff(side + 1, 1, false);
    check_size("is not a valid image size");
    write_tiff(1, side + 1, false);
    check_size("is not a valid image size");
    write_tiff(side, side, true);
    check_size("--max-pixels");
#endif
    assert_int_equal(setrlimit(RLIMIT_AS, &all), 0);
}

static int setup(void **state)
{
    (void)state;
    return test_remove_tree(SCRATCH) && file_make_folder(SCRATCH) ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),    cmocka_unit_test(test_place),
        cmocka_unit_test(test_write),   cmocka_unit_test(test_ends),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_sizes),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
