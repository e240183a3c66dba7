// SPDX-License-Identifier: MIT
//
// Arrays of the public API and files of images: what is in memory is read as from a
// file, with the same samples and the same messages, and made as a file is, with the
// same bytes.

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "data/picture_file.h"
#include "pix2pix.h"
#include "support/tree.h"

#define SCRATCH "test_array.scratch"

static char messages[2000];

static void keep_message(void *user, enum pix_log_level level, const char *text)
{
    (void)user;
    const size_t used = strlen(messages);
    snprintf(messages + used, sizeof(messages) - used, "%d %s\n", (int)level, text);
}

static struct pix_read_options listening(void)
{
    messages[0] = '\0';
    return (struct pix_read_options){ .log = { .callback = keep_message,
                                               .level = PIX_LOG_INFO } };
}

static size_t array_bytes(const struct pix_array *a)
{
    return (size_t)a->channels * a->width * a->height *
           pixel_bytes((enum pixel_kind)a->kind);
}

// A copy of the bytes on the heap, so that sanitizers see a read past the end.
static bool decode(const void *bytes, size_t size, const char *name,
                   const struct pix_read_options *o, struct pix_array *a)
{
    void *copy = mem_alloc(size);
    if (size)
        memcpy(copy, bytes, size);
    const bool ok = pix_array_decode(copy, size, name, o, a);
    mem_free(copy);
    return ok;
}

static void check_equal(const char *name, const struct pix_array *a,
                        const struct pix_array *b)
{
    if (a->kind != b->kind || a->channels != b->channels || a->width != b->width ||
        a->height != b->height)
        fail_msg("%s: another form in memory", name);
    if (memcmp(a->data, b->data, array_bytes(a)) != 0)
        fail_msg("%s: other samples in memory", name);
}

// A file and its bytes: an array or a message, and both times the same. Returns whether
// it is an image.
static bool check_file(const char *path, struct pix_read_options change)
{
    struct pix_read_options o = listening();
    struct pix_array from_file, from_memory;
    char before[sizeof(messages)];
    struct reason reason;
    void *bytes;
    size_t size;
    change.log = o.log;
    if (!file_load(path, (uint64_t)1 << 30, &bytes, &size, &reason))
        fail_msg("%s: %s", path, reason.text);
    const bool ok = pix_array_read_with(path, &change, &from_file);
    memcpy(before, messages, sizeof(before));
    messages[0] = '\0';
    if (decode(bytes, size, path, &change, &from_memory) != ok)
        fail_msg("%s: from the file: %sfrom memory: %s", path, before, messages);
    assert_string_equal(messages, before);
    if (ok)
        check_equal(path, &from_file, &from_memory);
    else
        assert_string_not_equal(before, "");
    assert_true(ok || !from_memory.data);
    pix_array_free(&from_file);
    pix_array_free(&from_memory);
    mem_free(bytes);
    return ok;
}

// ---------------------------------------------------------------------------
// Reading

// Each file of a folder of fixtures, broken ones too.
static void check_folder(const char *folder, uint32_t least)
{
    struct file_list list;
    uint32_t images = 0;
    assert_true(file_list_read(folder, &list));
    for (size_t i = 0; i < list.count; i++) {
        char *path = file_join(folder, list.names[i]);
        images += check_file(path, (struct pix_read_options){ 0 });
        check_file(path, (struct pix_read_options){ .max_pixels = 40,
                                                    .no_orient = true,
                                                    .npy_order = "hwc",
                                                    .alpha = "white",
                                                    .page = 2 });
        mem_free(path);
    }
    file_list_free(&list);
    assert_true(images >= least);
}

static void test_fixtures(void **state)
{
    (void)state;
    check_folder(TEST_FIXTURES "/images", 20);
#ifdef PIX_HAVE_TIFF
    check_folder(TEST_FIXTURES "/tiff", 50);
#endif
}

// Those of codecs.txt: name, what is expected, and the bytes in hexadecimal digits.
static void test_codecs(void **state)
{
    char *text, *end;
    struct reason reason;
    size_t size;
    uint32_t count = 0;
    (void)state;
    assert_true(file_load(TEST_FIXTURES "/codecs.txt", 16 << 20, (void **)&text, &size,
                          &reason));
    for (char *line = text; *line; line = end + 1, count++) {
        end = strchr(line, '\n');
        const char *digits = strchr(strchr(line, '\t') + 1, '\t') + 1;
        const size_t bytes = (size_t)(end - digits) / 2;
        uint8_t *data = mem_alloc(bytes);
        for (size_t i = 0; i < bytes; i++) {
            unsigned value;
            assert_int_equal(sscanf(digits + 2 * i, "%2x", &value), 1);
            data[i] = (uint8_t)value;
        }
        FILE *file = fopen(SCRATCH "/file", "wb");
        assert_int_equal(fwrite(data, 1, bytes, file), bytes);
        fclose(file);
        check_file(SCRATCH "/file", (struct pix_read_options){ 0 });
        check_file(SCRATCH "/file", (struct pix_read_options){ .truncated = "keep" });
        mem_free(data);
    }
    mem_free(text);
    assert_true(count > 100);
}

// Bombs, which are not ours to give away.
static void test_hard(void **state)
{
    const char *folder = getenv("PIX_TEST_DATA");
    char *path = mem_printf("%s/hard", folder ? folder : "");
    (void)state;
    if (folder && file_exists(path))
        check_folder(path, 0);
    else
        print_message("skipped: PIX_TEST_DATA names no folder with hard/\n");
    mem_free(path);
}

static const char *const decoded[] = {
    "images/rgba8.png",     "images/interlaced.png", "images/progressive.jpg",
    "images/grey.jpg",      "images/rgb.bmp",        "images/rle.tga",
#ifdef PIX_HAVE_TIFF
    "tiff/place-scale.tif",
#endif
};

// Every beginning of a file, and a seeded sample of damage: an array or a message.
static void test_damage(void **state)
{
    uint32_t random = 1;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(decoded); i++) {
        char *path = file_join(TEST_FIXTURES, decoded[i]);
        void *bytes;
        size_t size;
        assert_true(file_read(path, &bytes, &size));
        for (size_t n = 0; n < 2 * size && n < 4000; n++) {
            struct pix_array a;
            const size_t at = n % size;
            const size_t part = n < size ? n : size;
            uint8_t *damaged = mem_alloc(size);
            memcpy(damaged, bytes, size);
            random = random * 1664525 + 1013904223;
            if (n >= size)
                damaged[at] ^= (uint8_t)(random >> 24 | 1);
            if (decode(damaged, part, path, NULL, &a))
                assert_non_null(a.data);
            else
                assert_null(a.data);
            pix_array_free(&a);
            mem_free(damaged);
        }
        mem_free(bytes);
        mem_free(path);
    }
}

static void test_garbage(void **state)
{
    static const char *const names[] = { NULL, "a.png", "a.tga", "a.npy", "a" };
    struct pix_array a;
    uint32_t random = 1;
    (void)state;
    for (size_t size = 0; size < 300; size++) {
        uint8_t *noise = mem_alloc(size);
        for (size_t i = 0; i < size; i++) {
            random = random * 1664525 + 1013904223;
            noise[i] = (uint8_t)(random >> 24);
        }
        for (size_t i = 0; i < ARRAY_LEN(names); i++)
            assert_false(decode(noise, size, names[i], NULL, &a));
        mem_free(noise);
    }
}

// Who has no file has no name, and no extension that says what it is.
static void test_names(void **state)
{
    struct pix_read_options o = listening();
    struct pix_array a, b;
    void *bytes;
    size_t size;
    (void)state;
    assert_false(pix_array_decode("nothing", 7, NULL, &o, &a));
    assert_string_equal(messages, "0 image: data in memory: " PICTURE_UNKNOWN "\n");
    assert_false(pix_array_decode(NULL, 0, "empty.png", NULL, &a));
    assert_string_equal(pix_last_error(), "image: empty.png: the file is empty");
    assert_false(pix_array_decode(NULL, 3, NULL, NULL, &a));
    assert_string_equal(pix_last_error(), "pix_array_decode: bytes is NULL");
    assert_true(file_read(TEST_FIXTURES "/images/rgb8.png", &bytes, &size));
    assert_true(decode(bytes, size, NULL, NULL, &a));
    assert_true(decode(bytes, size, "not-a.bmp", NULL, &b));
    check_equal("not-a.bmp", &a, &b);
    pix_array_free(&a);
    pix_array_free(&b);
    mem_free(bytes);
    // A TGA has no signature.
    assert_true(file_read(TEST_FIXTURES "/images/rgb.tga", &bytes, &size));
    assert_false(decode(bytes, size, NULL, NULL, &a));
    assert_true(decode(bytes, size, "a.tga", NULL, &a));
    pix_array_free(&a);
    mem_free(bytes);
    o.alpha = "green";
    assert_false(pix_array_decode("", 0, NULL, &o, &a));
    assert_string_equal(pix_last_error(), "image: --alpha does not take \"green\"");
}

// ---------------------------------------------------------------------------
// Writing

static struct pix_array make(enum pix_kind kind, uint32_t channels)
{
    struct pix_array a = { kind, channels, 53, 37, NULL };
    const size_t count = (size_t)channels * a.width * a.height;
    uint32_t random = channels;
    a.data = mem_alloc(array_bytes(&a));
    for (size_t i = 0; i < count; i++) {
        random = random * 1664525 + 1013904223;
        const uint32_t v = i % 53 < 20 ? random >> 16 : (uint32_t)(i * 77) & 0xffff;
        if (kind == PIX_KIND_U8)
            ((uint8_t *)a.data)[i] = (uint8_t)(v >> 8);
        else if (kind == PIX_KIND_U16)
            ((uint16_t *)a.data)[i] = (uint16_t)v;
        else
            ((float *)a.data)[i] = (float)v / 65536;
    }
    return a;
}

// Every array as every kind of file: the bytes are those of the file, or the message is
// the same.
static void test_encode(void **state)
{
    static const char *const names[] = { "a.png", "a.jpg", "a.webp", "a.bmp",
                                         "a.tga", "a.tif", "a.npy",  "a.gif" };
    static const uint32_t channels[] = { 1, 2, 3, 4, 7 };
    uint32_t files = 0;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names) * ARRAY_LEN(channels) * PIXEL_KINDS; i++) {
        const enum pix_kind kind = (enum pix_kind)(i % PIXEL_KINDS);
        struct pix_array a =
            make(kind, channels[i / PIXEL_KINDS % ARRAY_LEN(channels)]);
        char *path = file_join(SCRATCH, names[i / PIXEL_KINDS / ARRAY_LEN(channels)]);
        const struct pix_read_options o = listening();
        const struct pix_write_options with = { .npy_order = i % 2 ? "hwc" : NULL,
                                                .log = o.log };
        char before[sizeof(messages)];
        void *made, *expected;
        size_t made_size, size;
        const bool ok = pix_array_write_with(path, &with, &a);
        memcpy(before, messages, sizeof(before));
        messages[0] = '\0';
        if (pix_array_encode(path, &with, &a, &made, &made_size) != ok)
            fail_msg("%s: to a file: %sto memory: %s", path, before, messages);
        assert_string_equal(messages, before);
        if (ok) {
            assert_true(file_read(path, &expected, &size));
            assert_int_equal(made_size, size);
            assert_memory_equal(made, expected, size);
            mem_free(expected);
            check_file(path, (struct pix_read_options){ 0 });
            files++;
        } else {
            assert_null(made);
        }
        free(made);    // as the header says
        mem_free(path);
        pix_array_free(&a);
    }
    // PNG: u8 and u16 of 1 to 4 channels; JPEG, BMP and TGA: u8; .npy: all.
    assert_true(files >= 8 + 3 * 4 + 15);
}

static void test_order(void **state)
{
    struct pix_array a = make(PIX_KIND_F32, 5), back;
    const struct pix_write_options with = { .npy_order = "hwc" };
    const struct pix_read_options as = { .npy_order = "hwc" };
    void *bytes;
    size_t size;
    (void)state;
    assert_true(pix_array_encode("a.npy", &with, &a, &bytes, &size));
    assert_true(pix_array_decode(bytes, size, NULL, &as, &back));
    check_equal("hwc", &a, &back);
    pix_array_free(&back);
    free(bytes);
    assert_false(pix_array_encode(
        "a.npy", &(struct pix_write_options){ .npy_order = "whc" }, &a, &bytes, &size));
    assert_string_equal(pix_last_error(), "image: --npy-order does not take \"whc\"");
    assert_null(bytes);
    pix_array_free(&a);
}

// ---------------------------------------------------------------------------
// What a file has beside its samples

#ifdef PIX_HAVE_TIFF

#define PLACE TEST_FIXTURES "/tiff/place-scale.tif"

static void check_same_file(const char *a, const char *b)
{
    void *bytes[2];
    size_t sizes[2];
    assert_true(file_read(a, &bytes[0], &sizes[0]));
    assert_true(file_read(b, &bytes[1], &sizes[1]));
    assert_int_equal(sizes[0], sizes[1]);
    assert_memory_equal(bytes[0], bytes[1], sizes[0]);
    mem_free(bytes[0]);
    mem_free(bytes[1]);
}

// As a picture takes it to its file; test_tiff_write looks at that.
static void test_tags(void **state)
{
    const struct pix_read_options o = listening();
    const struct pix_write_options with = { .log = o.log };
    struct pix_array a, other = make(PIX_KIND_U8, 3), bare = { 0 };
    struct picture p, scaled;
    struct reason reason;
    void *bytes;
    size_t size;
    (void)state;
    assert_true(picture_read_with(PLACE, &(struct picture_reading){ .with_tags = true },
                                  &p, &reason));
    assert_true(picture_write(SCRATCH "/expected.tif", &p));
    assert_true(file_read(PLACE, &bytes, &size));
    for (int in_memory = 0; in_memory < 2; in_memory++) {
        assert_true(in_memory ? decode(bytes, size, NULL, NULL, &a)
                              : pix_array_read(PLACE, &a));
        assert_non_null(a.tags);
        assert_true(pix_array_write_with(SCRATCH "/made.tif", &with, &a));
        check_same_file(SCRATCH "/made.tif", SCRATCH "/expected.tif");
        if (!in_memory)
            pix_array_free(&a);
    }
    mem_free(bytes);
    // Of another size: fitted to it.
    assert_true(picture_from_array(&other, &scaled));
    scaled.tags = p.tags;
    p.tags = NULL;
    assert_true(picture_write(SCRATCH "/expected.tif", &scaled));
    picture_free(&scaled);
    picture_free(&p);
    assert_true(pix_array_write(SCRATCH "/bare.tif", &other));
    assert_true(pix_array_copy_tags(&a, &other));
    assert_true(pix_array_copy_tags(&a, &other));    // in the place of the first
    pix_array_free(&a);
    assert_null(a.tags);
    assert_true(pix_array_write(SCRATCH "/made.tif", &other));
    check_same_file(SCRATCH "/made.tif", SCRATCH "/expected.tif");
    assert_string_equal(messages, "");
    // What a file cannot hold is said.
    assert_true(pix_array_write_with(SCRATCH "/made.png", &with, &other));
    assert_string_equal(messages,
                        "1 image: " SCRATCH
                        "/made.png: the output was written without the georeference of "
                        "the input, which the format of the output cannot hold: name "
                        "outputs .tif to keep it\n");
    // And away again.
    assert_true(pix_array_copy_tags(&bare, &other));
    assert_null(other.tags);
    assert_true(pix_array_write(SCRATCH "/made.tif", &other));
    check_same_file(SCRATCH "/made.tif", SCRATCH "/bare.tif");
    pix_array_free(&other);
}

#endif

static int setup(void **state)
{
    (void)state;
    return test_remove_tree(SCRATCH) && file_make_folder(SCRATCH) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    return test_remove_tree(SCRATCH) ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fixtures), cmocka_unit_test(test_codecs),
        cmocka_unit_test(test_hard),     cmocka_unit_test(test_damage),
        cmocka_unit_test(test_garbage),  cmocka_unit_test(test_names),
        cmocka_unit_test(test_encode),   cmocka_unit_test(test_order),
#ifdef PIX_HAVE_TIFF
        cmocka_unit_test(test_tags),
#endif
    };
    return cmocka_run_group_tests_name("array", tests, setup, teardown);
}
