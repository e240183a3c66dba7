// SPDX-License-Identifier: MIT
//
// Reading every kind of file, refusing broken ones with the reason, writing and reading
// back, and resizing as Pillow does. The files come from fixtures/make_images.py.

#include "data/image.h"

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
#include "support/tree.h"

#ifndef TEST_FIXTURES
#define TEST_FIXTURES "tests/support/fixtures"
#endif
#define SCRATCH "test_image.scratch"

static int errors;

static void count_error(void *user, enum log_level level, const char *text)
{
    (void)user;
    (void)text;
    errors += level == LOG_ERROR;
}

static const struct log_sink sink = { count_error, NULL, LOG_WARN };

static struct pix_image read_fixture(const char *name)
{
    struct pix_image image;
    char *path = file_join(TEST_FIXTURES "/images", name);
    if (!image_read(path, &image)) {
        print_error("%s\n", log_last_error());
        fail();
    }
    mem_free(path);
    return image;
}

// As image_read, but the reason is not logged.
static bool read_image(const char *path, struct pix_image *image, struct reason *reason)
{
    struct picture picture;
    *image = (struct pix_image){ 0 };
    bool ok = picture_read(path, &picture, reason);
    if (ok)
        assert_true(image_from_picture(&picture, image));
    picture_free(&picture);
    return ok;
}

static void resize(const struct pix_image *in, uint32_t width, uint32_t height,
                   struct pix_image *out)
{
    struct picture from, to;
    assert_true(image_to_picture(in, &from));
    assert_true(picture_resize(&from, RESIZE_BICUBIC, width, height, &to));
    assert_true(image_from_picture(&to, out));
    picture_free(&from);
    picture_free(&to);
}

static int largest_difference(const struct pix_image *a, const struct pix_image *b)
{
    int worst = 0;
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->height, b->height);
    for (size_t i = 0; i < (size_t)a->width * a->height * 3; i++)
        worst = MAX(worst, abs(a->pixels[i] - b->pixels[i]));
    return worst;
}

// The picture of make_images.py.
static uint8_t value(uint32_t x, uint32_t y, uint32_t c)
{
    return (uint8_t)(x * 37 + y * 91 + c * 57 + x * y * 5);
}

static uint8_t colour(uint32_t x, uint32_t y, uint32_t c)
{
    return value(x, y, c);
}

static uint8_t grey(uint32_t x, uint32_t y, uint32_t c)
{
    return value(x, y, 0 * c);
}

static uint8_t black_or_white(uint32_t x, uint32_t y, uint32_t c)
{
    return grey(x, y, c) >= 128 ? 255 : 0;
}

static uint8_t palette(uint32_t x, uint32_t y, uint32_t c)
{
    uint8_t i = value(x, y, 0);
    return (uint8_t)(c == 0 ? i : c == 1 ? 255 - i : 3 * i);
}

static uint8_t slope(uint32_t x, uint32_t y, uint32_t c)
{
    return (uint8_t)(c == 0 ? x * 4 : c == 1 ? y * 4 : 128);
}

static uint8_t grey_slope(uint32_t x, uint32_t y, uint32_t c)
{
    return (uint8_t)(x * 4 + 0 * (y + c));
}

static void test_read(void **state)
{
    static const struct {
        const char *name;
        uint8_t (*pixel)(uint32_t x, uint32_t y, uint32_t c);
        uint32_t width, height;
        int tolerance;
    } cases[] = {
        { "grey1.png", black_or_white, 13, 9, 0 },
        { "grey8.png", grey, 13, 9, 0 },
        { "grey16.png", grey, 13, 9, 0 },
        { "grey_alpha8.png", grey, 13, 9, 0 },
        { "grey_alpha16.png", grey, 13, 9, 0 },
        { "palette.png", palette, 13, 9, 0 },
        { "rgb8.png", colour, 13, 9, 0 },
        { "rgb16.png", colour, 13, 9, 0 },
        { "rgba8.png", colour, 13, 9, 0 },
        { "interlaced.png", colour, 13, 9, 0 },
        { "rgb.bmp", colour, 13, 9, 0 },
        { "rgb.tga", colour, 13, 9, 0 },
        { "rle.tga", colour, 13, 9, 0 },
        { "rgb.jpg", slope, 32, 24, 6 },
        { "progressive.jpg", slope, 32, 24, 6 },
        { "grey.jpg", grey_slope, 32, 24, 6 },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct pix_image image = read_fixture(cases[i].name);
        assert_int_equal(image.width, cases[i].width);
        assert_int_equal(image.height, cases[i].height);
        const uint8_t *p = image.pixels;
        for (uint32_t y = 0; y < image.height; y++) {
            for (uint32_t x = 0; x < image.width; x++) {
                for (uint32_t c = 0; c < 3; c++, p++) {
                    int expected = cases[i].pixel(x, y, c);
                    if (abs(*p - expected) > cases[i].tolerance) {
                        print_error("%s: x %u y %u c %u is %d, not %d\n", cases[i].name,
                                    (unsigned)x, (unsigned)y, (unsigned)c, *p,
                                    expected);
                        fail();
                    }
                }
            }
        }
        image_free(&image);
    }
    assert_int_equal(errors, 0);
}

static void test_refuse(void **state)
{
    static const struct {
        const char *name, *reason;
    } cases[] = {
        { "truncated.png", "truncated PNG" },
        { "truncated.jpg", "truncated JPEG" },
        { "truncated.bmp", "truncated BMP" },
        { "truncated.tga", "truncated TGA" },
        { "truncated_rle.tga", "truncated TGA" },
        { "damaged.png", "damaged PNG" },
        { "text.png", PICTURE_UNKNOWN },
        { "empty.png", "the file is empty" },
        { "huge.png", "40000x40000 are more than" },
        { "absent.png", "" },
        { "", "is a folder" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct pix_image image;
        struct reason reason = { "" };
        char *path = file_join(TEST_FIXTURES "/images", cases[i].name);

        errors = 0;
        assert_false(read_image(path, &image, &reason));
        assert_null(image.pixels);
        assert_int_equal(errors, 0);
        assert_true(strlen(reason.text) > 0);
        if (strncmp(reason.text, cases[i].reason, strlen(cases[i].reason)) != 0) {
            print_error("%s: %s\n", path, reason.text);
            fail();
        }
        assert_false(image_read(path, &image));
        assert_int_equal(errors, 1);
        char *message = mem_printf("image: %s: %s", path, reason.text);
        assert_string_equal(log_last_error(), message);
        mem_free(message);
        mem_free(path);
    }
    errors = 0;
}

// Every beginning of a file is refused; only what follows the end may be missing.
static void test_every_truncation(void **state)
{
    static const struct {
        const char *name;
        size_t spare;
    } cases[] = {
        { "rgb8.png", 0 }, { "interlaced.png", 0 },  { "rgb.jpg", 0 },
        { "grey.jpg", 0 }, { "progressive.jpg", 0 }, { "rgb.bmp", 0 },
        { "rgb.tga", 26 }, { "rle.tga", 26 },    // the footer of newer files
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct pix_image image;
        struct reason reason;
        void *data;
        size_t size;
        char *path = file_join(TEST_FIXTURES "/images", cases[i].name);
        char *cut = mem_printf(SCRATCH "/cut%s", file_extension(path));
        assert_true(file_read(path, &data, &size));
        size_t step = size / 60 + 1;
        for (size_t length = 0; length + cases[i].spare < size; length += step) {
            assert_true(file_write(cut, data, length));
            if (read_image(cut, &image, &reason)) {
                print_error("%s accepted at %zu of %zu\n", path, length, size);
                fail();
            }
        }
        assert_true(file_write(cut, data, size - cases[i].spare - 1));
        assert_false(read_image(cut, &image, &reason));
        assert_true(file_write(cut, data, size));
        assert_true(read_image(cut, &image, &reason));
        image_free(&image);
        test_remove_tree(cut);
        mem_free(data);
        mem_free(cut);
        mem_free(path);
    }
}

// No change of a byte may crash the reader.
static void test_every_change(void **state)
{
    static const char *const names[] = { "rgb8.png", "palette.png", "progressive.jpg",
                                         "rgb.bmp", "rle.tga" };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        void *data;
        size_t size;
        char *path = file_join(TEST_FIXTURES "/images", names[i]);
        char *changed = mem_printf(SCRATCH "/changed%s", file_extension(path));
        assert_true(file_read(path, &data, &size));
        uint8_t *bytes = data;
        for (size_t at = 0; at < size; at += at < 64 ? 1 : size / 40) {
            uint8_t before = bytes[at];
            struct pix_image image;
            struct reason reason;
            bytes[at] = (uint8_t)(before ^ (at % 2 ? 0xff : 0x04));
            assert_true(file_write(changed, data, size));
            if (read_image(changed, &image, &reason))
                image_free(&image);
            bytes[at] = before;
        }
        test_remove_tree(changed);
        mem_free(data);
        mem_free(changed);
        mem_free(path);
    }
}

// Leaves memory of this content for the next allocations.
static void soil_heap(int content)
{
    void *blocks[16];
    for (size_t i = 0; i < ARRAY_LEN(blocks); i++) {
        size_t size = 16000 + 512 * i;    // about that of a JPEG decoder
        blocks[i] = mem_alloc(size);
        memset(blocks[i], content, size);
    }
    for (size_t i = 0; i < ARRAY_LEN(blocks); i++)
        mem_free(blocks[i]);
}

// A JPEG whose scan uses Huffman tables that are nowhere in the file: whatever is made
// of it does not depend on what memory held before.
static void test_missing_tables(void **state)
{
    static const char path[] = SCRATCH "/tables.jpg";
    struct pix_image first = { 0 }, image;
    struct reason reason;
    void *data;
    size_t size, at = 2;
    bool found = false, accepted = false;
    (void)state;
    assert_true(file_read(TEST_FIXTURES "/images/grey.jpg", &data, &size));
    uint8_t *bytes = data;
    while (bytes[at + 1] != 0xda) {
        size_t length = 2 + ((size_t)bytes[at + 2] << 8 | bytes[at + 3]);
        if (bytes[at + 1] == 0xc4 && bytes[at + 4] >> 4 == 1) {    // an AC table
            memmove(bytes + at, bytes + at + length, size - at - length);
            size -= length;
            found = true;
        } else {
            at += length;
        }
    }
    assert_true(found);
    assert_true(file_write(path, data, size));
    for (int content = 0; content < 256; content += 15) {
        soil_heap(content);
        bool ok = read_image(path, &image, &reason);
        if (content == 0) {
            accepted = ok;
            first = image;
            continue;
        }
        assert_int_equal(ok, accepted);
        if (ok)
            assert_int_equal(largest_difference(&first, &image), 0);
        image_free(&image);
    }
    image_free(&first);
    test_remove_tree(path);
    mem_free(data);
}

static void test_write(void **state)
{
    static const struct {
        const char *path;
        int tolerance;
    } cases[] = {
        { SCRATCH "/a.png", 0 },  { SCRATCH "/a.BMP", 0 },   { SCRATCH "/a.tga", 0 },
        { SCRATCH "/a.jpg", 12 }, { SCRATCH "/a.JPEG", 12 },
    };
    struct pix_image image = read_fixture("rgb.jpg"), back;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_true(image_write(cases[i].path, &image));
        assert_true(image_read(cases[i].path, &back));
        assert_in_range(largest_difference(&image, &back), 0, cases[i].tolerance);
        image_free(&back);
        assert_true(test_remove_tree(cases[i].path));
    }

    errors = 0;
    assert_false(image_write(SCRATCH "/a.gif", &image));
    assert_false(image_write(SCRATCH "/png", &image));
    assert_false(image_write(SCRATCH "/absent/a.png", &image));
    assert_int_equal(errors, 3);
    assert_false(file_exists(SCRATCH "/a.gif"));
    errors = 0;
    image_free(&image);
    image_free(&image);

    assert_true(picture_has_image_extension("x.Jpg"));
    assert_true(picture_has_image_extension("a/b.c.PNG"));
    assert_false(picture_has_image_extension("x.jp"));
    assert_false(picture_has_image_extension("x.pngs"));
    assert_false(picture_has_image_extension("png"));
    assert_false(picture_has_image_extension(".png"));
}

static void test_resize(void **state)
{
    static const struct {
        const char *name;
        uint32_t width, height;
    } cases[] = {
        { "noise", 47, 47 },  { "noise", 64, 30 },  { "noise", 40, 11 },
        { "noise", 17, 13 },  { "noise", 1, 1 },    { "noise", 9, 61 },
        { "checks", 37, 29 }, { "checks", 62, 66 }, { "checks", 8, 8 },
        { "dot", 3, 5 },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char name[64];
        snprintf(name, sizeof(name), "%s_in.png", cases[i].name);
        struct pix_image in = read_fixture(name), out;
        snprintf(name, sizeof(name), "%s_%ux%u.png", cases[i].name,
                 (unsigned)cases[i].width, (unsigned)cases[i].height);
        struct pix_image expected = read_fixture(name);
        resize(&in, cases[i].width, cases[i].height, &out);
        int worst = largest_difference(&expected, &out);
        if (worst > 1)
            print_error("%s differs by %d\n", name, worst);
        assert_in_range(worst, 0, 1);
        image_free(&in);
        image_free(&out);
        image_free(&expected);
    }
}

static void test_resize_properties(void **state)
{
    struct pix_image in = read_fixture("noise_in.png"), out;
    (void)state;

    resize(&in, in.width, in.height, &out);
    assert_int_equal(largest_difference(&in, &out), 0);
    assert_ptr_not_equal(in.pixels, out.pixels);
    image_free(&out);
    image_free(&in);

    // A flat image stays flat at every size: the weights add up to 1.
    assert_true(image_create(&in, 19, 7));
    memset(in.pixels, 255, (size_t)19 * 7 * 3);
    for (uint32_t size = 1; size < 60; size++) {
        resize(&in, size, 60 - size, &out);
        for (size_t i = 0; i < (size_t)size * (60 - size) * 3; i++)
            assert_int_equal(out.pixels[i], 255);
        image_free(&out);
    }
    image_free(&in);
}

static int setup(void **state)
{
    (void)state;
    log_use(&sink);
    return file_make_folder(SCRATCH) ? 0 : -1;
}

static bool is_listed(const char *(*list)(size_t index), const char *name)
{
    for (size_t i = 0; list(i); i++)
        if (strncmp(list(i), name, strlen(name)) == 0)
            return true;
    return false;
}

// What is listed as read can be written and read, and the rest of what could be there
// is listed as missing.
static void test_kinds(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        { "PNG", ".png" }, { "JPEG", ".jpg" },  { "BMP", ".bmp" },
        { "TGA", ".tga" }, { "TIFF", ".tiff" }, { "WebP", ".webp" },
    };
    uint8_t pixels[3 * 8 * 8] = { 0 };
    struct pix_image image = { 8, 8, pixels }, back;
    assert_true(file_make_folder(SCRATCH));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char path[64];
        snprintf(path, sizeof(path), SCRATCH "/kind%s", cases[i][1]);
        const bool works = image_write(path, &image) && image_read(path, &back);
        if (works)
            image_free(&back);
        assert_int_equal(is_listed(picture_file_kind, cases[i][0]), works);
        assert_int_equal(is_listed(picture_file_missing, cases[i][0]), !works);
    }
    assert_true(test_remove_tree(SCRATCH));
}

// A file of a kind that is missing is named, and what it needs.
static void test_missing_kinds(void **state)
{
    (void)state;
    static const struct {
        const char *name, *library, head[12];
    } cases[] = {
        { "TIFF", "without libtiff", "II*\0\x08\0\0\0\0\0\0" },
        { "WebP", "without libwebp", "RIFF\4\0\0\0WEB" },
    };
    assert_true(file_make_folder(SCRATCH));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct pix_image image;
        struct reason reason;
        char head[12];
        memcpy(head, cases[i].head, sizeof(head));
        head[11] = i == 1 ? 'P' : '\0';
        assert_true(file_write(SCRATCH "/head", head, sizeof(head)));
        assert_false(read_image(SCRATCH "/head", &image, &reason));
        assert_int_equal(is_listed(picture_file_missing, cases[i].name),
                         strstr(reason.text, cases[i].library) != NULL);
    }
    assert_true(test_remove_tree(SCRATCH));
}

// Rows are made as those of the whole image, of the rows that are needed, in every kind
// of sample.
static void test_resize_rows(void **state)
{
    static const enum resize_filter filters[] = { RESIZE_BICUBIC, RESIZE_BILINEAR,
                                                  RESIZE_AREA, RESIZE_NEAREST };
    static const uint32_t heights[] = { 1, 13, 37, 96, 111 };
    const struct picture form = { .channels = 2, .width = 11, .height = 37 };
    (void)state;
    for (int kind = 0; kind < PIXEL_KINDS; kind++)
        for (size_t k = 0; k < ARRAY_LEN(filters) * ARRAY_LEN(heights); k++) {
            const enum resize_filter filter = filters[k % ARRAY_LEN(filters)];
            const uint32_t height = heights[k / ARRAY_LEN(filters)], width = 15;
            struct picture in, whole, part, rows;
            assert_true(picture_create(&in, (enum pixel_kind)kind, form.channels,
                                       form.width, form.height));
            for (size_t i = 0; i < (size_t)2 * 11 * 37; i++)
                picture_set_sample(&in, i, (double)(i * i * 37 % 251));
            assert_true(picture_resize(&in, filter, width, height, &whole));
            for (uint32_t y = 0; height != form.height && y < height; y += 4) {
                const struct resize_span out = { y, MIN(4, height - y), height };
                const struct resize_span need = resize_needs(filter, form.height, out);
                assert_true(
                    picture_crop(&in, 0, need.first, form.width, need.count, &part));
                assert_true(picture_create(&rows, in.kind, 2, width, out.count));
                assert_true(resize_rows(filter, in.kind, 2, part.samples, form.width,
                                        need, rows.samples, width, out));
                picture_free(&part);
                assert_true(picture_crop(&whole, 0, y, width, out.count, &part));
                assert_memory_equal(rows.samples, part.samples, picture_bytes(&rows));
                picture_free(&part);
                picture_free(&rows);
            }
            picture_free(&in);
            picture_free(&whole);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_refuse),
        cmocka_unit_test(test_every_truncation),
        cmocka_unit_test(test_every_change),
        cmocka_unit_test(test_missing_tables),
        cmocka_unit_test(test_write),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_missing_kinds),
        cmocka_unit_test(test_resize),
        cmocka_unit_test(test_resize_properties),
        cmocka_unit_test(test_resize_rows),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
