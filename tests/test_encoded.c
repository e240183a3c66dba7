// SPDX-License-Identifier: MIT
//
// Image files when memory or the disk runs out, and how much memory they take: every
// allocation and every call that writes fails once, for every kind of file. Then the
// picture is not written or not read, there is a reason and no file, and nothing
// crashes; what does not fail is right. The linker puts the functions below in the
// place of the C library's (--wrap).

#include "data/encoded.h"

#include <errno.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <png.h>
#ifdef PIX_HAVE_JPEG
#include <jpeglib.h>
#endif

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "data/picture_file.h"
#include "data/rows.h"
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

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) &&                            \
    !defined(__SANITIZE_THREAD__)
#define TEST_HAS_ALL_MEMORY

// In the place of the C library's for shared libraries too; __real_malloc is this one.
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void __libc_free(void *p);

static size_t bytes_used, bytes_most;
static bool spares_libraries;    // whose failures they do not survive

static void *count_bytes(void *p)
{
    if (p) {
        bytes_used += malloc_usable_size(p);
        bytes_most = MAX(bytes_most, bytes_used);
    }
    return p;
}

static bool memory_fails(bool is_ours)
{
    if (is_ours != spares_libraries || !fails(&until_memory))
        return false;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size)
{
    return memory_fails(false) ? NULL : count_bytes(__libc_malloc(size));
}

void *calloc(size_t count, size_t size)
{
    return memory_fails(false) ? NULL : count_bytes(__libc_calloc(count, size));
}

void *realloc(void *old, size_t size)
{
    if (memory_fails(false))
        return NULL;
    const size_t before = old ? malloc_usable_size(old) : 0;
    void *p = __libc_realloc(old, size);
    if (p)
        bytes_used -= before;
    return count_bytes(p);
}

void free(void *p)
{
    if (p)
        bytes_used -= malloc_usable_size(p);
    __libc_free(p);
}

void *__wrap_malloc(size_t size)
{
    return memory_fails(true) ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return memory_fails(true) ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return memory_fails(true) ? NULL : __real_realloc(old, size);
}

#else

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

#endif

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

// libwebp 1.2.4 crashes where its own memory fails while it decodes; see webp.c.
static void spare_libraries(bool spare)
{
#ifdef TEST_HAS_ALL_MEMORY
    spares_libraries = spare;
#else
    (void)spare;
#endif
}

static char errors[1000];    // all of one attempt

static void keep_error(void *user, enum log_level level, const char *text)
{
    (void)user;
    assert_int_equal(level, LOG_ERROR);
    strncat(errors, text, sizeof(errors) - strlen(errors) - 1);
}

static const struct log_sink sink = { keep_error, NULL, LOG_WARN };

// A profile of RGB without tags, longer than a segment of a JPEG.
static struct picture_tags *make_tags(const struct picture *p)
{
    enum { SIZE = 70000 };
    struct picture_tags *tags;
    uint8_t *profile = mem_zalloc(SIZE);
    const uint8_t size[] = { 0, SIZE >> 16, SIZE >> 8 & 255, SIZE & 255 };
    memcpy(profile, size, sizeof(size));
    memcpy(profile + 12, "mntrRGB XYZ ", 12);
    memcpy(profile + 36, "acsp", 4);
    for (size_t i = 132; i < SIZE; i++)
        profile[i] = (uint8_t)(i * i >> 7);
    assert_true(picture_tags_create(p->width, p->height, 3, profile, SIZE, &tags));
    return tags;
}

// Whether a file, if it can have the profile of the picture that was written, has it.
static void check_profile(const char *path, const struct picture *p,
                          const struct picture *back)
{
    size_t size, size_back = 0;
    const void *profile = picture_tags_profile(p->tags, 3, &size);
    if (!profile || !picture_file_holds(path).profile)
        return;
    const void *found = picture_tags_profile(back->tags, 3, &size_back);
    if (!found || size_back != size || memcmp(found, profile, size) != 0)
        fail_msg("%s has lost its profile", path);
}

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
    if (channels == 3 && kind == PIXEL_U8)
        p.tags = make_tags(&p);
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
#ifdef PIX_HAVE_WEBP
    { "3.webp", PIXEL_U8, 3, true }, { "4.webp", PIXEL_U8, 4, true },
#endif
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
    if (!picture_read_with(path, &(struct picture_reading){ .with_tags = true }, &back,
                           &reason))
        fail_msg("%s: %s", path, reason.text);
    check_profile(path, p, &back);
    assert_int_equal(back.kind, p->kind);
    assert_int_equal(back.channels, p->channels);
    assert_int_equal(back.width, p->width);
    assert_int_equal(back.height, p->height);
    if (is_exact)
        assert_memory_equal(back.samples, p->samples, picture_bytes(p));
    picture_free(&back);
}

// Some are read and written by rows, too.
static bool has_rows(const char *path)
{
    return strstr(path, "1.png") || strstr(path, "5.npy");
}

static bool write_rows(const char *path, const struct picture *p)
{
    struct row_writer *w = row_writer_create(path, p, ARRAY_CHW);
    bool ok = w != NULL;
    for (uint32_t y = 0; ok && y < p->height; y += 50) {
        struct picture rows;
        ok = picture_crop(p, 0, y, p->width, 50, &rows) && row_writer_write(w, &rows);
        picture_free(&rows);
    }
    return row_writer_end(w, ok) && ok;
}

static bool read_rows(const char *path, struct picture *p, struct reason *reason)
{
    struct row_reader *r =
        row_reader_open(path, &(struct picture_reading){ 0 }, reason);
    *p = (struct picture){ 0 };
    const bool ok = r && row_reader_read(r, 0, r->form.height, p, reason);
    row_reader_close(r);
    return ok;
}

// The same in memory, where the file itself is written and read without faults.
static bool write_memory(const char *path, const struct picture *p)
{
    void *bytes;
    size_t size;
    if (!picture_write_to_memory(path, p, ARRAY_CHW, &bytes, &size))
        return false;
    const int memory = until_memory, writing = until_write;
    until_memory = until_write = NEVER;
    FILE *file = fopen(path, "wb");
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
    mem_free(bytes);
    until_memory = memory;
    until_write = writing;
    return true;
}

static bool read_memory(const char *path, struct picture *p, struct reason *reason)
{
    static uint8_t bytes[1 << 20];
    const int memory = until_memory;
    until_memory = NEVER;
    FILE *file = fopen(path, "rb");
    const size_t size = fread(bytes, 1, sizeof(bytes), file);
    assert_true(size > 0 && size < sizeof(bytes));
    fclose(file);
    until_memory = memory;
    return picture_read_memory(
        bytes, size, path, &(struct picture_reading){ .with_tags = true }, p, reason);
}

typedef bool write_function(const char *path, const struct picture *p);
typedef bool read_function(const char *path, struct picture *p, struct reason *reason);

// Fails the first call that *until counts, the second, and so on, until there are not
// so many. Returns how many there are.
static int check_failures(const char *path, const struct picture *p,
                          write_function *write, bool is_exact, int *until,
                          const char *reason)
{
    // stb writes 64 bytes at a time: of thousands of calls some are left out.
    for (int i = 0;; i += 1 + i / 32) {
        errors[0] = '\0';
        *until = i;
        bool ok = write(path, p);
        bool has_failed = *until == NEVER;
        *until = NEVER;
        assert_in_range(i, 0, 100000);
        if (ok) {
            assert_string_equal(errors, "");
            check_content(path, p, is_exact);
            assert_true(os_file_remove(path));
        } else if (!strstr(errors, reason) &&
                   !(until == &until_memory && strstr(errors, strerror(ENOMEM)))) {
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
        write_function *const ways[] = { picture_write,
                                         has_rows(path) ? write_rows : NULL };
        for (size_t k = 0; k < ARRAY_LEN(ways) && ways[k]; k++) {
            // The path, the temporary's and the row or the picture, at least.
            assert_true(check_failures(path, &p, ways[k], is_exact, &until_memory,
                                       "out of memory") >= 3);
            assert_true(check_failures(path, &p, ways[k], is_exact, &until_write,
                                       strerror(ENOSPC)) >= 2);
        }
        assert_true(check_failures(path, &p, write_memory, is_exact, &until_memory,
                                   "out of memory") >= 1);
        picture_free(&p);
        mem_free(path);
    }
}

// Of memory that fails once, at any moment. Returns how many there are.
static int check_reading(const char *path, const struct picture *p, read_function *read,
                         bool is_exact)
{
    struct picture back;
    bool has_failed = true;
    int count = 0;
    for (; has_failed; count++) {
        struct reason reason = { "" };
        until_memory = count;
        bool ok = read(path, &back, &reason);
        has_failed = until_memory == NEVER;
        until_memory = NEVER;
        assert_true(ok || has_failed);
        if (ok && is_exact)    // stb asks for memory that it can do without
            assert_memory_equal(back.samples, p->samples, picture_bytes(p));
        if (ok && read == read_memory)
            check_profile(path, p, &back);
        if (!ok && reason.kind != REASON_PASSING)    // not the file's fault
            fail_msg("%s, failure %d: \"%s\"", path, count, reason.text);
        picture_free(&back);
        assert_in_range(count, 0, 1000);
    }
    return count;
}

static void test_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        char *path = file_join(SCRATCH, kinds[i].name);
        struct picture p = make(kinds[i].kind, kinds[i].channels);
        assert_true(picture_write(path, &p));
        spare_libraries(strstr(path, ".webp") != NULL);
        assert_true(check_reading(path, &p, picture_read, kinds[i].is_exact) >= 3);
        assert_true(check_reading(path, &p, read_memory, kinds[i].is_exact) >= 2);
        if (has_rows(path))
            assert_true(check_reading(path, &p, read_rows, kinds[i].is_exact) >= 3);
        spare_libraries(false);
        picture_free(&p);
        assert_true(os_file_remove(path));
        mem_free(path);
    }
}

#ifdef TEST_HAS_ALL_MEMORY

enum { BIG_WIDTH = 1200, BIG_HEIGHT = 900 };

// Reads a file of this size, which must not take more than it may.
static void check_most(const char *path, uint64_t declared)
{
    struct picture p;
    struct reason reason = { "" };
    const size_t before = bytes_used;
    bytes_most = before;
    if (!picture_read(path, &p, &reason))
        fail_msg("%s: %s", path, reason.text);
    assert_true(picture_bytes(&p) == declared);
    print_message("%s: %.2f times the image\n", path,
                  (double)(bytes_most - before) / (double)declared);
    // Of the 64 MB that are free one is enough.
    assert_in_range(bytes_most - before, declared, 4 * declared + (1 << 20));
    picture_free(&p);
    assert_int_equal(bytes_used, before);
}

static struct picture make_big(void)
{
    struct picture p;
    assert_true(picture_create(&p, PIXEL_U8, 3, BIG_WIDTH, BIG_HEIGHT));
    uint8_t *samples = p.samples;
    uint32_t number = 1;
    for (size_t i = 0; i < picture_bytes(&p); i++) {
        number = number * 1664525 + 1013904223;
        samples[i] = (uint8_t)(number >> 24 & 3) + (uint8_t)(i / 100);
    }
    return p;
}

static void write_interlaced(const char *path, const struct picture *p)
{
    FILE *file = fopen(path, "wb");
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    uint8_t *rgb = picture_interleave(p);
    png_init_io(png, file);
    png_set_IHDR(png, info, p->width, p->height, 8, PNG_COLOR_TYPE_RGB,
                 PNG_INTERLACE_ADAM7, 0, 0);
    png_set_compression_level(png, 1);
    png_write_info(png, info);
    for (int pass = png_set_interlace_handling(png); pass > 0; pass--)
        for (uint32_t y = 0; y < p->height; y++)
            png_write_row(png, rgb + (size_t)y * p->width * 3);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    mem_free(rgb);
    fclose(file);
}

#ifdef PIX_HAVE_JPEG
static void write_progressive(const char *path, const struct picture *p)
{
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr faults;
    FILE *file = fopen(path, "wb");
    uint8_t *rgb = picture_interleave(p);
    jpeg.err = jpeg_std_error(&faults);
    jpeg_create_compress(&jpeg);
    jpeg_stdio_dest(&jpeg, file);
    jpeg.image_width = p->width;
    jpeg.image_height = p->height;
    jpeg.input_components = 3;
    jpeg.in_color_space = JCS_RGB;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, 50, TRUE);
    jpeg.comp_info[0].h_samp_factor = jpeg.comp_info[0].v_samp_factor = 1;
    jpeg_simple_progression(&jpeg);
    jpeg_start_compress(&jpeg, TRUE);
    for (uint32_t y = 0; y < p->height; y++) {
        JSAMPROW row = rgb + (size_t)y * p->width * 3;
        jpeg_write_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    mem_free(rgb);
    fclose(file);
}
#endif

static void test_most(void **state)
{
    static const char *const names[] = { SCRATCH "/big.png", SCRATCH "/big.jpg",
                                         SCRATCH "/big.bmp", SCRATCH "/big.tga",
                                         SCRATCH "/big.npy", SCRATCH "/big.webp" };
    struct picture p = make_big();
    const uint64_t declared = picture_bytes(&p);
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (!picture_has_known_extension(names[i]))
            continue;
        assert_true(picture_write(names[i], &p));
        check_most(names[i], declared);
    }
    write_interlaced(SCRATCH "/interlaced.png", &p);
    check_most(SCRATCH "/interlaced.png", declared);
#ifdef PIX_HAVE_JPEG
    write_progressive(SCRATCH "/progressive.jpg", &p);
    check_most(SCRATCH "/progressive.jpg", declared);
#endif
    picture_free(&p);
}

// Small images in large files: what follows them is not read, or the file is refused.
static void test_junk(void **state)
{
    static const char *const names[] = { SCRATCH "/junk.png", SCRATCH "/junk.jpg",
                                         SCRATCH "/junk.bmp", SCRATCH "/junk.tga",
                                         SCRATCH "/junk.webp" };
    struct picture p, back;
    (void)state;
    assert_true(picture_create(&p, PIXEL_U8, 3, 9, 7));
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct reason reason = { "" };
        if (!picture_has_known_extension(names[i]))
            continue;
        assert_true(picture_write(names[i], &p));
        assert_true(test_resize_file(names[i], (uint64_t)300 << 20));
        bytes_most = bytes_used;
        const size_t before = bytes_used;
        const bool ok = picture_read(names[i], &back, &reason);
        if (!ok)
            assert_non_null(strstr(reason.text, "too many for an image of 9x7"));
        assert_true(bytes_most - before < 1 << 20);
        picture_free(&back);
        assert_true(os_file_remove(names[i]));
    }
    picture_free(&p);
}

#endif

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
#ifdef TEST_HAS_ALL_MEMORY
        cmocka_unit_test(test_most),
        cmocka_unit_test(test_junk),
#endif
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
