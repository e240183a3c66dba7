// SPDX-License-Identifier: MIT
//
// What is said about files that were turned, have several pages or end early.

#include "data/file_notes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "data/picture_file.h"
#include "support/log.h"

static const struct picture plain = { .pages = 1 };
static const struct picture odd = { .orientation = 6, .pages = 3, .is_cut = true };
static const struct picture other = { .orientation = 8, .pages = 2, .is_cut = true };

// Of a pair each note is of the first file that it is true of.
static void test_first(void **state)
{
    const struct picture_reading reading = { .keep_truncated = true };
    const struct picture turned = { .orientation = 3 };
    struct file_notes notes = { .turned = { NULL, 0 } };
    (void)state;
    file_notes_add(&notes, &reading, &plain, "plain");
    assert_null(notes.turned.path);
    assert_null(notes.paged.path);
    assert_null(notes.cut_short.path);
    file_notes_add(&notes, &reading, &turned, "turned");
    file_notes_add(&notes, &reading, &odd, "odd");
    file_notes_add(&notes, &reading, &other, "other");
    assert_string_equal(notes.turned.path, "turned");
    assert_int_equal(notes.turned.number, 3);
    assert_string_equal(notes.paged.path, "odd");
    assert_int_equal(notes.paged.number, 3);
    assert_string_equal(notes.cut_short.path, "odd");
}

// Nothing is said of what was asked for: pixels as they are stored, a page by its
// number, and that may be the first.
static void test_asked_for(void **state)
{
    (void)state;
    for (uint32_t page = 1; page <= 2; page++) {
        const struct picture_reading reading = { .as_stored = true, .page = page };
        struct file_notes notes = { .turned = { NULL, 0 } };
        file_notes_add(&notes, &reading, &odd, "odd");
        assert_null(notes.turned.path);
        assert_null(notes.paged.path);
        assert_non_null(notes.cut_short.path);
    }
}

static void report(const struct picture *const *pictures, size_t count)
{
    static const char *const paths[] = { "0", "1", "2" };
    const struct picture_reading reading = { .as_stored = false };
    struct file_tally tally = { .turned = { 0, { NULL, 0 } } };
    for (size_t i = 0; i < count; i++) {
        struct file_notes notes = { .turned = { NULL, 0 } };
        file_notes_add(&notes, &reading, pictures[i], paths[i]);
        file_tally_add(&tally, &notes);
    }
    test_keep_messages(LOG_INFO);
    file_tally_report(&tally, count, "pair");
    log_use(NULL);
}

static void test_report(void **state)
{
    const struct picture *const one[] = { &plain, &odd, &plain };
    const struct picture *const two[] = { &plain, &odd, &other };
    (void)state;
    report(one, 1);
    assert_string_equal(test_messages.text, "");
    report(one, 3);
    assert_string_equal(
        test_messages.text,
        "image: 1 of 3 images ends early: what is missing is grey (first: 1)\n"
        "image: 1 of 3 images was turned upright, as its EXIF orientation asks for "
        "(first: 1, orientation 6)" PICTURE_KEEP "\n"
        "image: 1 of 3 pairs has several pages, of which the first is used (first: 1, 3 "
        "pages); --page N uses another\n");
    report(two, 3);
    assert_string_equal(
        test_messages.text,
        "image: 2 of 3 images end early: what is missing is grey (first: 1)\n"
        "image: 2 of 3 images were turned upright, as their EXIF orientation asks for "
        "(first: 1, orientation 6)" PICTURE_KEEP "\n"
        "image: 2 of 3 pairs have several pages, of which the first is used (first: 1, "
        "3 pages); --page N uses another\n");
    test_keep_messages(LOG_INFO);
    file_notes_report(&(struct picture_reading){ .page = 0 }, &odd, "odd");
    assert_string_equal(
        test_messages.text,
        "image: odd ends early: what is missing is grey\n"
        "image: odd was turned upright, as its EXIF orientation, 6, asks "
        "for" PICTURE_KEEP "\n"
        "image: odd has 3 pages, of which the first is used; --page N uses another\n");
    log_use(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first),
        cmocka_unit_test(test_asked_for),
        cmocka_unit_test(test_report),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
