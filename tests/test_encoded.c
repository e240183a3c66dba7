// SPDX-License-Identifier: MIT
//
// Image files when memory or the disk runs out: every allocation and every call that
// writes fails once, for every kind of file. Then the picture is not written or not
// read, there is a reason and no file, and nothing crashes; what does not fail is
// right. The linker puts the functions below in the place of the C library's (--wrap).

#include "data/encoded.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "data/picture_file.h"
#include "support/tree.h"

#define SCRATCH "test_encoded.scratch"

#ifdef TEST_CAN_WRAP

enum { NEVER = -1 };

// How many calls are left until one fails.
static int until_memory = NEVER, until_write = NEVER;

static bool fails(int *until)
{
    if (*until == NEVER)
        return false;
    (*until)--;
    return *until == NEVER;
}

// The names that --wrap gives to both.
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
size_t __real_fwrite(const void *data, size_t size, size_t count, FILE *stream);
int __real_fclose(FILE *stream);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
size_t __wrap_fwrite(const void *data, size_t size, size_t count, FILE *stream);
int __wrap_fclose(FILE *stream);

void *__wrap_malloc(size_t size)
{
    return fails(&until_memory) ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails(&until_memory) ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fails(&until_memory) ? NULL : __real_realloc(old, size);
}

size_t __wrap_fwrite(const void *data, size_t size, size_t count, FILE *stream)
{
    if (!fails(&until_write))
        return __real_fwrite(data, size, count, stream);
    errno = ENOSPC;
    return 0;
}

int __wrap_fclose(FILE *stream)
{
    bool failed = fails(&until_write);
    int result = __real_fclose(stream);
    if (!failed)
        return result;
    errno = ENOSPC;
    return EOF;
}

static char errors[1000];    // all of one attempt

static void keep_error(void *user, enum log_level level, const char *text)
{
    (void)user;
    assert_int_equal(level, LOG_ERROR);
    strncat(errors, text, sizeof(errors) - strlen(errors) - 1);
}

static const struct log_sink sink = { keep_error, NULL, LOG_WARN };

// Noise does not become smaller, so there are many chunks; a slope uses all filters.
static struct picture make(enum pixel_kind kind, uint32_t channels)
{
    struct picture p;
    uint32_t number = 1;
    assert_true(picture_create(&p, kind, channels, 211, 150));
    for (size_t i = 0; i < picture_bytes(&p) / pixel_bytes(kind); i++) {
        number = number * 1664525 + 1013904223;
        uint32_t v = i % 211 < 100 ? number >> 16 : (uint32_t)i * 77;
        if (kind == PIXEL_U8)
            ((uint8_t *)p.samples)[i] = (uint8_t)(v >> 8);
        else if (kind == PIXEL_U16)
            ((uint16_t *)p.samples)[i] = (uint16_t)v;
        else
            ((float *)p.samples)[i] = (float)(v & 0xffff) / 65536;
    }
    return p;
}

static const struct {
    const char *name;
    enum pixel_kind kind;
    uint32_t channels;
    bool is_exact;
} kinds[] = {
    { "1.png", PIXEL_U8, 1, true },  { "2.png", PIXEL_U8, 2, true },
    { "3.png", PIXEL_U8, 3, true },  { "4.png", PIXEL_U8, 4, true },
    { "1.png", PIXEL_U16, 1, true }, { "2.png", PIXEL_U16, 2, true },
    { "3.png", PIXEL_U16, 3, true }, { "4.png", PIXEL_U16, 4, true },
    { "3.bmp", PIXEL_U8, 3, true },  { "3.tga", PIXEL_U8, 3, true },
    { "3.jpg", PIXEL_U8, 3, false }, { "5.npy", PIXEL_F32, 5, true },
};

static bool count_entry(void *user, const char *name)
{
    size_t *count = user;
    (void)name;
    (*count)++;
    return true;
}

// Temporary ones too.
static size_t count_files(void)
{
    size_t count = 0;
    assert_true(os_folder_list(SCRATCH, count_entry, &count));
    return count;
}

static void check_content(const char *path, const struct picture *p, bool is_exact)
{
    struct picture back;
    struct reason reason;
    if (!picture_read(path, &back, &reason))
        fail_msg("%s: %s", path, reason.text);
    assert_int_equal(back.kind, p->kind);
    assert_int_equal(back.channels, p->channels);
    assert_int_equal(back.width, p->width);
    assert_int_equal(back.height, p->height);
    if (is_exact)
        assert_memory_equal(back.samples, p->samples, picture_bytes(p));
    picture_free(&back);
}

// Fails the first call that *until counts, the second, and so on, until there are not
// so many. Returns how many there are.
static int check_failures(const char *path, const struct picture *p, bool is_exact,
                          int *until, const char *reason)
{
    // stb writes 64 bytes at a time: of thousands of calls some are left out.
    for (int i = 0;; i += 1 + i / 32) {
        errors[0] = '\0';
        *until = i;
        bool ok = picture_write(path, p);
        bool has_failed = *until == NEVER;
        *until = NEVER;
        assert_in_range(i, 0, 100000);
        if (ok) {
            assert_string_equal(errors, "");
            check_content(path, p, is_exact);
            assert_true(os_file_remove(path));
        } else if (!strstr(errors, reason)) {
            fail_msg("%s, failure %d: \"%s\"", path, i, errors);
        }
        if (count_files() != 0)
            fail_msg("%s, failure %d leaves a file", path, i);
        if (!has_failed) {
            assert_true(ok);
            return i;
        }
    }
}

static void test_write(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        char *path = file_join(SCRATCH, kinds[i].name);
        const bool is_exact = kinds[i].is_exact;
        struct picture p = make(kinds[i].kind, kinds[i].channels);
        // The path, the temporary's and the row or the picture, at least.
        assert_true(
            check_failures(path, &p, is_exact, &until_memory, "out of memory") >= 3);
        assert_true(
            check_failures(path, &p, is_exact, &until_write, strerror(ENOSPC)) >= 2);
        picture_free(&p);
        mem_free(path);
    }
}

static void test_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        char *path = file_join(SCRATCH, kinds[i].name);
        struct picture p = make(kinds[i].kind, kinds[i].channels), back;
        bool has_failed = true;
        int count = 0;
        assert_true(picture_write(path, &p));
        for (; has_failed; count++) {
            struct reason reason = { "" };
            until_memory = count;
            bool ok = picture_read(path, &back, &reason);
            has_failed = until_memory == NEVER;
            until_memory = NEVER;
            assert_true(ok || has_failed);
            if (ok &&
                kinds[i].is_exact)    // stb asks for memory that it can do without
                assert_memory_equal(back.samples, p.samples, picture_bytes(&p));
            if (!ok)    // not the file's fault
                assert_int_equal(reason.kind, REASON_PASSING);
            picture_free(&back);
            assert_in_range(count, 0, 1000);
        }
        assert_true(count >= 3);
        picture_free(&p);
        assert_true(os_file_remove(path));
        mem_free(path);
    }
}

static int setup(void **state)
{
    (void)state;
    log_use(&sink);
    return test_remove_tree(SCRATCH) && file_make_folder(SCRATCH) ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_write),
        cmocka_unit_test(test_read),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}

#else

int main(void)
{
    puts("this linker cannot put functions in the place of others");
    return 77;
}

#endif
