// SPDX-License-Identifier: MIT
//
// ICC profiles on their way from file to file: those of fixtures/profiles, which
// make_profiles.py has written with Pillow, are found with all their bytes, or left out
// with a word; those that are written are read again.

#include "data/profile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/mem.h"
#include "data/picture_file.h"
#include "data/rows.h"
#include "support/tree.h"

#define FIXTURES TEST_FIXTURES "/profiles"
#define SCRATCH "test_profile.scratch"

static const struct picture_reading with_tags = { .with_tags = true };

static struct {
    uint8_t *bytes;
    size_t size;
} rgb, grey, cmyk;

static bool begins_with(const char *s, const char *start)
{
    return strncmp(s, start, strlen(start)) == 0;
}

static struct picture_tags *tags_of(const void *profile, size_t size, uint32_t colours)
{
    struct picture_tags *tags;
    void *copy = mem_alloc(size);
    memcpy(copy, profile, size);
    assert_true(picture_tags_create(9, 7, colours, copy, size, &tags));
    return tags;
}

static void check_profile(const char *path, const struct picture_tags *tags,
                          uint32_t colours, const void *profile, size_t size)
{
    size_t found_size;
    const void *found = picture_tags_profile(tags, colours, &found_size);
    if (!found != !profile)
        fail_msg("%s: a profile for %u colours is %s", path, (unsigned)colours,
                 found ? "found" : "missing");
    if (!profile)
        return;
    assert_int_equal(found_size, size);
    assert_memory_equal(found, profile, size);
}

// ---------------------------------------------------------------------------
// The profile itself

static void put(uint8_t *at, const char *text, size_t size)
{
    memcpy(at, text, size);
}

static void test_header(void **state)
{
    static const struct {
        size_t at;
        const char *bytes;
        size_t size;
        uint32_t colours;
    } cases[] = {
        { 0, "\0\0\0\x83", 4, 0 },            // too short
        { 0, "\0\1\0\0", 4, 0 },              // longer than its bytes
        { 8, "\4", 1, 3 },                    // the next version
        { 12, "scnr", 4, 3 },                 // of a scanner
        { 12, "abst", 4, 0 },                 // of no device
        { 12, "link", 4, 0 },                 // of two devices
        { 16, "GRAY", 4, 1 },                 // other spaces of colours
        { 16, "CMYK", 4, PROFILE_OTHER },     //
        { 16, "Lab ", 4, PROFILE_OTHER },     //
        { 20, "Lab ", 4, 3 },                 // what it takes them to
        { 20, "RGB ", 4, 0 },                 //
        { 36, "ascp", 4, 0 },                 // no profile
        { 64, "\0\0\xff\xff", 4, 0 },         // the intent
        { 128, "\x10\0\0\0", 4, 0 },          // the table of tags
        { 128, "\0\0\1\0", 4, 0 },            //
        { 136, "\0\0\x40\0", 4, 0 },          // where the first is
        { 140, "\xff\xff\xff\xff", 4, 0 },    // and its size
    };
    (void)state;
    assert_int_equal(profile_colours(rgb.bytes, rgb.size), 3);
    assert_int_equal(profile_colours(grey.bytes, grey.size), 1);
    assert_int_equal(profile_colours(cmyk.bytes, cmyk.size), PROFILE_OTHER);
    assert_int_equal(profile_size(rgb.bytes), rgb.size);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint8_t *p = mem_alloc(rgb.size);
        memcpy(p, rgb.bytes, rgb.size);
        put(p + cases[i].at, cases[i].bytes, cases[i].size);
        if (profile_colours(p, rgb.size) != cases[i].colours)
            fail_msg("case %zu is of %u colours", i,
                     (unsigned)profile_colours(p, rgb.size));
        mem_free(p);
    }
    for (size_t part = 0; part < rgb.size; part++) {
        uint8_t *p = mem_alloc(part);
        memcpy(p, rgb.bytes, part);
        assert_int_equal(profile_colours(p, part), 0);
        mem_free(p);
    }
}

// Bytes behind a profile are none of it; more than may be held are not kept.
static void test_size(void **state)
{
    struct picture_tags *tags;
    size_t size;
    (void)state;
    uint8_t *p = mem_zalloc(PROFILE_MOST_BYTES + 1);
    memcpy(p, rgb.bytes, rgb.size);
    tags = tags_of(p, PROFILE_MOST_BYTES, 3);
    check_profile("behind", tags, 3, rgb.bytes, rgb.size);
    picture_tags_free(tags);
    tags = tags_of(p, PROFILE_MOST_BYTES + 1, 3);
    assert_null(picture_tags_profile(tags, 3, &size));
    assert_int_equal(picture_tags_losses(tags, picture_file_holds("a.png"), 3, 9, 7),
                     PICTURE_LOSES_DAMAGED);
    picture_tags_free(tags);
    mem_free(p);
}

// ---------------------------------------------------------------------------
// Reading

static bool is_read(const char *name)
{
    return picture_has_known_extension(name);
}

static void check_fixture(const char *name, const char *path)
{
    struct picture p, plain;
    struct reason reason;
    if (!picture_read_with(path, &with_tags, &p, &reason) ||
        !picture_read(path, &plain, &reason))
        fail_msg("%s: %s", name, reason.text);
    assert_null(plain.tags);
    assert_int_equal(picture_bytes(&p), picture_bytes(&plain));
    assert_memory_equal(p.samples, plain.samples, picture_bytes(&p));
    const uint32_t losses = picture_tags_losses(p.tags, picture_file_holds("a.png"),
                                                p.channels, p.width, p.height);
    const bool is_whole = begins_with(name, "rgb") && !begins_with(name, "rgb-on-grey");
    const bool is_grey = begins_with(name, "grey");
    check_profile(name, p.tags, 3, is_whole ? rgb.bytes : NULL, rgb.size);
    check_profile(name, p.tags, 1, is_grey ? grey.bytes : NULL, grey.size);
    if (begins_with(name, "none"))
        assert_null(p.tags);
    else if (begins_with(name, "damaged"))
        assert_int_equal(losses, PICTURE_LOSES_DAMAGED);
    else
        assert_int_equal(losses, is_whole || is_grey ? 0 : PICTURE_LOSES_PROFILE);
    picture_free(&p);
    picture_free(&plain);
}

static void test_fixtures(void **state)
{
    struct file_list list;
    uint32_t count = 0;
    (void)state;
    assert_true(file_list_read(FIXTURES, &list));
    for (size_t i = 0; i < list.count; i++) {
        char *path = file_join(FIXTURES, list.names[i]);
        if (is_read(list.names[i])) {
            check_fixture(list.names[i], path);
            count++;
        }
        mem_free(path);
    }
    file_list_free(&list);
    assert_true(count >= 18);
}

// A file of a camera, which is not ours to give away; the size is what Pillow finds.
static void test_real(void **state)
{
    const char *folder = getenv("PIX_TEST_DATA");
    char *path = mem_printf("%s/real/misc/progressive_icc.jpg", folder ? folder : "");
    struct picture p;
    struct reason reason;
    size_t size;
    (void)state;
    if (folder && file_exists(path)) {
        assert_true(picture_read_with(path, &with_tags, &p, &reason));
        assert_non_null(picture_tags_profile(p.tags, 3, &size));
        assert_int_equal(size, 3048);
        picture_free(&p);
    } else {
        print_message("skipped: PIX_TEST_DATA names no folder with real/\n");
    }
    mem_free(path);
}

// A seeded sample of damage: an answer, whatever it is.
static void test_damage(void **state)
{
    struct file_list list;
    uint32_t random = 1;
    (void)state;
    assert_true(file_list_read(FIXTURES, &list));
    for (size_t i = 0; i < list.count; i++) {
        char *path = file_join(FIXTURES, list.names[i]);
        void *data;
        size_t size;
        assert_true(file_read(path, &data, &size));
        for (int k = 0; is_read(path) && k < 300; k++) {
            struct picture p;
            struct reason reason;
            const size_t part = k % 3 ? size : (size_t)k * size / 300;
            uint8_t *bytes = mem_alloc(part);
            if (part)
                memcpy(bytes, data, part);
            for (int n = 0; part && n < k % 4; n++) {
                random = random * 1664525 + 1013904223;
                bytes[(random >> 8) % part] ^= (uint8_t)(random >> 24 | 1);
            }
            picture_read_memory(bytes, part, path, &with_tags, &p, &reason);
            picture_free(&p);
            mem_free(bytes);
        }
        mem_free(data);
        mem_free(path);
    }
    file_list_free(&list);
}

// ---------------------------------------------------------------------------
// Writing

// What a file has of a profile that a picture of so many channels is written with.
static void check_written(const char *name, uint32_t channels, const void *profile,
                          size_t size, uint32_t colours)
{
    char *path = file_join(SCRATCH, name);
    const bool has_none =
        strstr(name, ".bmp") || strstr(name, ".tga") || strstr(name, ".npy");
    const bool is_rgb = strstr(name, ".jpg") || strstr(name, ".webp");
    const uint32_t in_file = is_rgb || channels > 2 ? 3 : 1;
    const bool is_kept = !has_none && in_file == colours;
    const uint32_t expected = has_none  ? PICTURE_LOSES_PROFILE_BY_FORMAT
                              : is_kept ? 0
                                        : PICTURE_LOSES_PROFILE;
    struct picture p, back;
    struct reason reason;
    if (is_read(name)) {
        assert_true(picture_create(&p, PIXEL_U8, channels, 9, 7));
        p.tags = tags_of(profile, size, colours);
        assert_int_equal(
            picture_tags_losses(p.tags, picture_file_holds(path), channels, 9, 7),
            expected);
        assert_true(picture_write(path, &p));
        if (!picture_read_with(path, &with_tags, &back, &reason))
            fail_msg("%s: %s", path, reason.text);
        check_profile(name, back.tags, in_file, is_kept ? profile : NULL, size);
        assert_false(
            picture_tags_losses(back.tags, picture_file_holds(path), channels, 9, 7) &
            PICTURE_LOSES_DAMAGED);
        if (!strstr(name, ".jpg"))
            assert_memory_equal(back.samples, p.samples, 9 * 7);
        picture_free(&p);
        picture_free(&back);
    }
    mem_free(path);
}

static const char *const names[] = { "a.png", "a.jpg", "a.webp", "a.tif",
                                     "a.bmp", "a.tga", "a.npy" };

static void test_write(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        for (uint32_t channels = 1; channels <= 4; channels++) {
            check_written(names[i], channels, rgb.bytes, rgb.size, 3);
            check_written(names[i], channels, grey.bytes, grey.size, 1);
            check_written(names[i], channels, cmyk.bytes, cmyk.size, 4);
        }
}

// In several segments of a JPEG, and with a byte of padding in a WebP.
static void test_large(void **state)
{
    static const size_t sizes[] = { 65519, 65520, 2 * 65519, 2 * 65519 + 1,
                                    PROFILE_MOST_BYTES };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        uint8_t *p = mem_zalloc(sizes[i]);
        memcpy(p, grey.bytes, grey.size);
        put(p + 16, "RGB ", 4);
        for (int k = 0; k < 4; k++)
            p[k] = (uint8_t)(sizes[i] >> (24 - 8 * k));
        for (size_t k = grey.size; k < sizes[i]; k++)
            p[k] = (uint8_t)(k * k >> 7);
        for (size_t k = 0; k < 4; k++)
            check_written(names[k], 3, p, sizes[i], 3);
        mem_free(p);
    }
}

// The way of tiles.
static void test_rows(void **state)
{
    struct reason reason;
    (void)state;
    struct row_reader *r = row_reader_open(FIXTURES "/rgb.png", &with_tags, &reason);
    assert_non_null(r);
    assert_false(r->is_held);
    check_profile("rows", r->form.tags, 3, rgb.bytes, rgb.size);
    for (size_t i = 0; i < 4; i++) {
        char *path = file_join(SCRATCH, names[i]);
        struct picture rows, back;
        if (is_read(path)) {
            struct row_writer *w = row_writer_create(path, &r->form, ARRAY_CHW);
            assert_non_null(w);
            assert_true(row_reader_read(r, 0, r->form.height, &rows, &reason));
            assert_true(row_writer_write(w, &rows));
            assert_true(row_writer_end(w, true));
            assert_true(picture_read_with(path, &with_tags, &back, &reason));
            check_profile(path, back.tags, 3, rgb.bytes, rgb.size);
            picture_free(&rows);
            picture_free(&back);
        }
        mem_free(path);
    }
    row_reader_close(r);
}

static int setup(void **state)
{
    (void)state;
    return test_remove_tree(SCRATCH) && file_make_folder(SCRATCH) &&
                   file_read(FIXTURES "/rgb.icc", (void **)&rgb.bytes, &rgb.size) &&
                   file_read(FIXTURES "/grey.icc", (void **)&grey.bytes, &grey.size) &&
                   file_read(FIXTURES "/cmyk.icc", (void **)&cmyk.bytes, &cmyk.size)
               ? 0
               : -1;
}

static int teardown(void **state)
{
    (void)state;
    mem_free(rgb.bytes);
    mem_free(grey.bytes);
    mem_free(cmyk.bytes);
    return test_remove_tree(SCRATCH) ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_header),   cmocka_unit_test(test_size),
        cmocka_unit_test(test_fixtures), cmocka_unit_test(test_real),
        cmocka_unit_test(test_damage),   cmocka_unit_test(test_write),
        cmocka_unit_test(test_large),    cmocka_unit_test(test_rows),
    };
    return cmocka_run_group_tests_name("profile", tests, setup, teardown);
}
