// SPDX-License-Identifier: MIT
//
// Sums in safetensors files: they do not depend on how a file is written, and no bit of
// it changes unseen.

#include "formats/safetensors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sum.h"
#include "support/log.h"

#define SCRATCH "test_sums.scratch"
#define PATH SCRATCH "/a.safetensors"

// Values of xxHash 0.8.2 (`printf abc | xxhsum -H3`).
static void test_known(void **state)
{
    (void)state;
    assert_true(sum_bytes("", 0) == UINT64_C(0x2d06800538d394c2));
    assert_true(sum_bytes("abc", 3) == UINT64_C(0x78af5f94892f3950));
}

static void test_pieces(void **state)
{
    enum { SIZE = 5000 };
    uint8_t bytes[SIZE];
    (void)state;
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (uint8_t)(i * i / 7);
    struct sum *sum = sum_create();
    assert_non_null(sum);
    for (size_t piece = 1; piece <= SIZE; piece = 3 * piece + 1) {
        for (size_t at = 0; at < SIZE; at += piece)
            sum_add(sum, bytes + at, MIN(piece, SIZE - at));
        assert_true(sum_end(sum) == sum_bytes(bytes, SIZE));
    }
    sum_destroy(sum);
}

// ---------------------------------------------------------------------------
// Files

static const struct {
    const char *name, *kind;
    uint64_t sides[2];
    uint32_t rank;
    uint64_t bytes;
} tensors[] = {
    { "count", "I64", { 0 }, 0, 8 }, { "none", "F32", { 0, 3 }, 2, 0 },
    { "b", "F32", { 3, 2 }, 2, 24 }, { "a", "F32", { 2, 3 }, 2, 24 },
    { "end", "F32", { 0 }, 1, 0 },
};
#define DATA_SIZE (8 + 24 + 24)

static void write_pieces(const char *path, size_t piece)
{
    struct safetensors_writer w;
    uint8_t data[DATA_SIZE];
    for (size_t i = 0; i < DATA_SIZE; i++)
        data[i] = (uint8_t)(11 * i + 3);
    safetensors_begin(&w);
    safetensors_put_metadata(&w, "pix2pix.step", "20");
    safetensors_put_metadata(&w, "note", "not covered");
    for (size_t i = 0; i < ARRAY_LEN(tensors); i++)
        safetensors_describe(&w, tensors[i].name, tensors[i].kind, tensors[i].sides,
                             tensors[i].rank, tensors[i].bytes);
    assert_true(safetensors_begin_data(&w, path));
    for (size_t at = 0; at < DATA_SIZE; at += piece)
        assert_true(safetensors_put_data(&w, data + at, MIN(piece, DATA_SIZE - at)));
    assert_true(safetensors_commit(&w));
}

// Opens the file and reads all of it; false after a message. `data` is in the order of
// the names.
static bool read_all(const char *path, char step[8], uint8_t data[DATA_SIZE])
{
    size_t at = 0;
    struct safetensors *s = safetensors_open(path);
    bool ok = s && safetensors_count(s) == ARRAY_LEN(tensors);
    for (size_t i = 0; ok && i < ARRAY_LEN(tensors); i++) {
        const struct safetensors_entry *e = safetensors_at(s, i);
        assert_true(at + e->end - e->begin <= DATA_SIZE);
        ok = safetensors_read(s, e, data + at);
        at += e->end - e->begin;
    }
    if (ok) {
        const char *text = safetensors_metadata(s, "pix2pix.step");
        snprintf(step, 8, "%s", text ? text : "none");
    }
    safetensors_close(s);
    return ok;
}

static void test_file(void **state)
{
    void *first, *other;
    size_t first_size, other_size;
    (void)state;
    write_pieces(PATH, DATA_SIZE);
    assert_true(file_read(PATH, &first, &first_size));
    for (size_t piece = 1; piece < DATA_SIZE; piece += 6) {
        write_pieces(PATH, piece);
        assert_true(file_read(PATH, &other, &other_size));
        assert_int_equal(other_size, first_size);
        assert_memory_equal(other, first, first_size);
        mem_free(other);
    }
    mem_free(first);
}

// A changed bit is seen, or it is in what nobody reads.
static void test_any_bit(void **state)
{
    uint8_t good[DATA_SIZE], data[DATA_SIZE];
    char step[8];
    void *bytes;
    size_t size, harmless = 0;
    (void)state;
    write_pieces(PATH, 5);
    assert_true(read_all(PATH, step, good));
    assert_true(file_read(PATH, &bytes, &size));
    FILE *stream = fopen(PATH, "r+b");
    assert_non_null(stream);
    setvbuf(stream, NULL, _IONBF, 0);
    for (size_t i = 0; i < 8 * size; i++) {
        const uint8_t was = ((uint8_t *)bytes)[i / 8];
        fseek(stream, (long)(i / 8), SEEK_SET);
        fputc(was ^ 1 << i % 8, stream);
        if (read_all(PATH, step, data)) {
            harmless++;
            assert_true(i / 8 < size - DATA_SIZE);
            assert_memory_equal(data, good, DATA_SIZE);
            assert_string_equal(step, "20");
        } else if (i / 8 >= size - DATA_SIZE) {
            assert_non_null(
                strstr(test_messages.last, "is damaged: the numbers of tensor "));
            assert_non_null(
                strstr(test_messages.last, i / 8 < size - 48   ? "tensor count"
                                           : i / 8 < size - 24 ? "tensor b"
                                                               : "tensor a"));
        }
        fseek(stream, (long)(i / 8), SEEK_SET);
        fputc(was, stream);
    }
    fclose(stream);
    assert_true(read_all(PATH, step, data));
    // The note, and the key of the sums.
    assert_true(harmless > 0 && harmless < 8 * 40);
    mem_free(bytes);
}

// Another program that keeps the metadata may order tensors and texts as it likes and
// add its own.
static void test_other_writer(void **state)
{
    static const char path[] = SCRATCH "/b.safetensors";
    uint8_t data[DATA_SIZE], size[8] = { 0 };
    char step[8];
    (void)state;
    write_pieces(PATH, 9);
    assert_true(read_all(PATH, step, data));
    struct safetensors *s = safetensors_open(PATH);
    assert_non_null(s);
    json_t *header = json_pack(
        "{s:{s:s, s:s, s:s}, s:{s:s, s:[i,i], s:[i,i]}, s:{s:s, s:[i], s:[i,i]},"
        " s:{s:s, s:[], s:[i,i]}, s:{s:s, s:[i,i], s:[i,i]}, s:{s:s, s:[i,i], s:[i,i]}}",
        "__metadata__", "format", "pt", SUMS_KEY, safetensors_metadata(s, SUMS_KEY),
        "pix2pix.step", "20",                                          //
        "a", "dtype", "F32", "shape", 2, 3, "data_offsets", 0, 24,     //
        "end", "dtype", "F32", "shape", 0, "data_offsets", 24, 24,     //
        "count", "dtype", "I64", "shape", "data_offsets", 48, 56,      //
        "b", "dtype", "F32", "shape", 3, 2, "data_offsets", 24, 48,    //
        "none", "dtype", "F32", "shape", 0, 3, "data_offsets", 48, 48);
    safetensors_close(s);
    char *text = json_text(header);
    assert_non_null(text);
    size[0] = (uint8_t)strlen(text);
    size[1] = (uint8_t)(strlen(text) >> 8);
    struct file_writer f;
    assert_true(file_writer_begin(&f, path, false));
    assert_true(file_writer_write(&f, size, 8));
    assert_true(file_writer_write(&f, text, strlen(text)));
    // a, b, count: the order in which read_all has left them.
    assert_true(file_writer_write(&f, data, DATA_SIZE));
    assert_true(file_writer_commit(&f));
    mem_free(text);
    if (!read_all(path, step, data))
        fail_msg("%s", test_messages.last);

    // A file without sums is read as it is.
    static const char plain[] =
        "\x3a\0\0\0\0\0\0\0{\"x\":{\"dtype\":\"U8\",\"shape\":[2],"
        "\"data_offsets\":[0,2]}}     ab";
    assert_true(file_write(path, plain, sizeof(plain) - 1));
    s = safetensors_open(path);
    assert_non_null(s);
    assert_true(safetensors_read(s, safetensors_find(s, "x"), data));
    safetensors_close(s);
}

static int setup(void **state)
{
    (void)state;
    test_keep_messages(LOG_INFO);
    return file_make_folder(SCRATCH) ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known),        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_file),         cmocka_unit_test(test_any_bit),
        cmocka_unit_test(test_other_writer),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
