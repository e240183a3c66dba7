// SPDX-License-Identifier: MIT
//
// Sources: the same bytes from a file, in any order, and from memory; what is not a
// file, or ends, is no surprise.

#include "data/source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/os.h"
#include "data/picture_file.h"
#include "data/rows.h"
#include "support/tree.h"

#define SCRATCH "test_source.scratch"

enum { SIZE = 99999 };

static uint8_t content[SIZE];

static int setup(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIZE; i++)
        content[i] = (uint8_t)(i * 7 + i / 251);
    return file_make_folder(SCRATCH) && file_write(SCRATCH "/a", content, SIZE) &&
                   file_write(SCRATCH "/empty", "", 0)
               ? 0
               : -1;
}

static int teardown(void **state)
{
    (void)state;
    return test_remove_tree(SCRATCH) ? 0 : -1;
}

static void check_reads(struct source *s)
{
    static const uint64_t places[] = { 0,        10, 90000,      5,    SIZE - 1, SIZE,
                                       SIZE + 1, 0,  UINT64_MAX, 4096, 8192 };
    static uint8_t to[SIZE];
    struct reason reason;
    assert_int_equal(s->size, SIZE);
    for (size_t i = 0; i < ARRAY_LEN(places); i++)
        for (size_t count = 1; count <= SIZE; count *= 10) {
            const uint64_t at = places[i];
            size_t got;
            assert_true(source_read(s, at, to, count, &got, &reason));
            const size_t wanted = at < SIZE ? MIN(count, (size_t)(SIZE - at)) : 0;
            assert_int_equal(got, wanted);
            if (got > 0)
                assert_memory_equal(to, content + at, got);
        }
}

static void test_read(void **state)
{
    struct source s;
    struct reason reason;
    (void)state;
    assert_true(source_open(&s, SCRATCH "/a", &reason));
    check_reads(&s);
    assert_true(source_hold(&s, &reason));
    check_reads(&s);
    assert_memory_equal(s.bytes, content, SIZE);
    assert_int_equal(s.bytes[SIZE], 0);
    source_close(&s);
    s = source_of_memory(content, SIZE);
    check_reads(&s);
    assert_true(source_hold(&s, &reason));
    assert_ptr_equal(s.bytes, content);
    source_close(&s);
}

static void test_odd_files(void **state)
{
    struct source s;
    struct reason reason;
    (void)state;
    assert_true(source_open(&s, SCRATCH "/empty", &reason));
    assert_int_equal(s.size, 0);
    assert_true(source_hold(&s, &reason));
    source_close(&s);
    assert_false(source_open(&s, SCRATCH, &reason));
    assert_string_equal(reason.text, "is a folder");
    assert_false(source_open(&s, SCRATCH "/absent", &reason));
    assert_int_equal(reason.kind, REASON_ABSENT);
    // One that has bytes, but says that it has none.
    if (os_path_kind("/proc/self/smaps") == OS_KIND_FILE) {
        assert_true(source_open(&s, "/proc/self/smaps", &reason));
        assert_true(s.size > 0);
        assert_non_null(s.bytes);
        source_close(&s);
    }
    // One that became shorter meanwhile ends earlier.
    assert_true(source_open(&s, SCRATCH "/a", &reason));
    assert_true(test_resize_file(SCRATCH "/a", 100));
    assert_true(source_hold(&s, &reason));
    assert_int_equal(s.size, 100);
    source_close(&s);
}

// A PNG of this size; flat ones are small files.
static void write_png(const char *path, uint32_t width, bool is_flat)
{
    struct picture p;
    assert_true(picture_create(&p, PIXEL_U8, 3, width, 64));
    for (size_t i = 0; !is_flat && i < picture_bytes(&p); i++)
        ((uint8_t *)p.samples)[i] = (uint8_t)((uint32_t)i * 2654435761u >> 13);
    assert_true(picture_write(path, &p));
    picture_free(&p);
}

// A PNG that is read by rows, twice, and becomes wider between.
static void test_changed(void **state)
{
    const struct picture_reading reading = { 0 };
    struct picture rows;
    struct reason reason;
    void *data;
    size_t size;
    (void)state;
    write_png(SCRATCH "/a.png", 2000, false);
    write_png(SCRATCH "/wide.png", 3000, true);
    assert_true(file_read(SCRATCH "/wide.png", &data, &size));
    struct row_reader *r = row_reader_open(SCRATCH "/a.png", &reading, &reason);
    assert_non_null(r);
    assert_true(row_reader_read(r, 0, 64, &rows, &reason));
    picture_free(&rows);
    FILE *file = fopen(SCRATCH "/a.png", "r+b");    // not replaced, as file_write does
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    assert_false(row_reader_read(r, 0, 64, &rows, &reason));
    assert_string_equal(reason.text, "has changed while it was read");
    row_reader_close(r);
    mem_free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_odd_files),
        cmocka_unit_test(test_changed),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
