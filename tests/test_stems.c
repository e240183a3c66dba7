// SPDX-License-Identifier: MIT
//
// Names that are equal to people are equal here, and only those.

#include "data/stems.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"

static void check_key(const char *name, bool fold, const char *expected)
{
    char *key = stem_make_key(name, fold);
    assert_non_null(key);
    assert_string_equal(key, expected);
    mem_free(key);
}

static void test_keys(void **state)
{
    (void)state;
    check_key("a-1.png", false, "a-1");
    check_key("Photo.2.PNG", false, "Photo.2");
    check_key("Photo.2.PNG", true, "photo.2");
    check_key("no extension", false, "no extension");
    // One character, and two: é, Å (also as the sign of the unit), Hangul.
    check_key("caf\xc3\xa9.png", false, "caf\xc3\xa9");
    check_key("cafe\xcc\x81.jpg", false, "caf\xc3\xa9");
    check_key("\xe2\x84\xab.png", false, "\xc3\x85");
    check_key("A\xcc\x8a.png", false, "\xc3\x85");
    check_key("\xe1\x84\x80\xe1\x85\xa1.png", false, "\xea\xb0\x80");
    check_key("\xc3\x89"
              "COLE.png",
              true,
              "\xc3\xa9"
              "cole");
    // Two marks in either order are one character; a compatible form is another one.
    check_key("q\xcc\x87\xcc\xa3.png", false, "q\xcc\xa3\xcc\x87");
    check_key("q\xcc\xa3\xcc\x87.png", false, "q\xcc\xa3\xcc\x87");
    check_key("\xef\xac\x81.png", false, "\xef\xac\x81");
    // Not UTF-8: the bytes.
    check_key("\xe9t\xe9.png", false, "\xe9t\xe9");
    check_key("\xe9T\xe9.png", true, "\xe9t\xe9");
    check_key("\xc3.png", false, "\xc3");
    check_key("", false, "");
}

static void test_order(void **state)
{
    (void)state;
    assert_true(stem_compare("m.png", "m.npy") == 0);
    assert_true(stem_compare("m.png", "m-1.png") < 0);
    assert_true(stem_compare("m.png", "M.png") != 0);
    assert_true(stem_compare("b", "a.png") > 0);
}

static void test_escape(void **state)
{
    char text[32], small[8];
    (void)state;
    stem_escape("cafe\xcc\x81.jpg", text, sizeof(text));
    assert_string_equal(text, "cafe\\xcc\\x81.jpg");
    stem_escape("a\\\n\x7f", text, sizeof(text));
    assert_string_equal(text, "a\\x5c\\x0a\\x7f");
    stem_escape("abcde\xcc\x81", small, sizeof(small));
    assert_string_equal(small, "abcde");
    stem_escape("abcdefghij", small, sizeof(small));
    assert_string_equal(small, "abcdefg");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_escape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
