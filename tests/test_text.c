// SPDX-License-Identifier: MIT
//
// Text for a terminal: what is shown, what is escaped, and where it is cut.

#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "pix2pix.h"

static void test_escapes(void **state)
{
    static const char *const cases[][2] = {
        { "", "" },
        { "plain name.png", "plain name.png" },
        // Letters of two, three and four bytes, and the characters beside those
        // escaped.
        { "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x99\x82",
          "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x99\x82" },
        { "\xc2\xa0\xe2\x80\xa7\xe2\x80\xaf\xe2\x81\xaa",
          "\xc2\xa0\xe2\x80\xa7\xe2\x80\xaf\xe2\x81\xaa" },
        { "~\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf",
          "~\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf" },
        // C0 and DEL.
        { "\x1b[31mred", "\\x1b[31mred" },
        { "a\nb\rc\td\x07\x7f", "a\\nb\\rc\\td\\x07\\x7f" },
        // C1, written as UTF-8 and as a byte.
        { "\xc2\x80\xc2\x9b\xc2\x9f", "\\u{80}\\u{9b}\\u{9f}" },
        { "\x9b"
          "31m",
          "\\x9b31m" },
        // Separators of lines, marks that reorder.
        { "\xe2\x80\xa8\xe2\x80\xa9", "\\u{2028}\\u{2029}" },
        { "a\xe2\x80\xaa\xe2\x80\xae"
          "gpj",
          "a\\u{202a}\\u{202e}gpj" },
        { "\xe2\x81\xa6\xe2\x81\xa9", "\\u{2066}\\u{2069}" },
        { "\xd8\x9c\xe2\x80\x8e\xe2\x80\x8f", "\\u{61c}\\u{200e}\\u{200f}" },
        { "\xd8\x9b\xe2\x80\x8d\xe2\x80\x90", "\xd8\x9b\xe2\x80\x8d\xe2\x80\x90" },
        // Not UTF-8: a byte that continues nothing, one that is not continued, too long
        // forms of ESC, half of a pair, beyond the last character.
        { "\x80", "\\x80" },
        { "\xe2\x82", "\\xe2\\x82" },
        { "\xc1\x9b", "\\xc1\\x9b" },
        { "\xe0\x80\x9b", "\\xe0\\x80\\x9b" },
        { "\xf0\x80\x80\x9b", "\\xf0\\x80\\x80\\x9b" },
        { "\xed\xa0\x80", "\\xed\\xa0\\x80" },
        { "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" },
        { "\xff\xfe", "\\xff\\xfe" },
    };
    char out[256], again[256];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(text_escape(cases[i][0], out, sizeof(out)),
                         strlen(cases[i][1]));
        assert_string_equal(out, cases[i][1]);
        text_escape(out, again, sizeof(again));
        assert_string_equal(again, out);
    }
    // No byte that a terminal obeys is left, whatever comes in.
    for (int a = 1; a < 256; a++)
        for (int b = 0; b < 256; b++) {
            const char text[] = { (char)a, (char)b, 0 };
            text_escape(text, out, sizeof(out));
            for (const char *c = out; *c; c++)
                assert_true((unsigned char)*c >= 0x20 && *c != 0x7f);
            assert_null(strstr(out, "\xc2\x9b"));
        }
}

// An escape or a character is never cut, and the dots fit.
static void test_cut(void **state)
{
    static const char text[] = "ab\x1b\xe2\x82\xac\xe2\x80\xae.png";
    static const char shown[] = "ab\\x1b\xe2\x82\xac\\u{202e}.png";
    static const size_t ends[] = { 0, 1, 2, 6, 9, 17, 18, 19, 20, 21 };
    char out[64];
    (void)state;
    for (size_t size = 4; size <= sizeof(shown); size++) {
        memset(out, '#', sizeof(out));
        const size_t length = text_escape(text, out, size);
        assert_int_equal(length, strlen(out));
        assert_true(length < size);
        assert_int_equal(out[size], '#');
        if (size == sizeof(shown)) {
            assert_string_equal(out, shown);
            continue;
        }
        size_t end = 0;
        for (size_t i = 0; i < ARRAY_LEN(ends) && ends[i] + 4 <= size; i++)
            end = ends[i];
        assert_int_equal(length, end + 3);
        assert_memory_equal(out, shown, end);
        assert_string_equal(out + end, "...");
    }
    // The public function checks what it is given.
    assert_int_equal(pix_text_escape("\x1b", out, sizeof(out)), 4);
    assert_int_equal(pix_text_escape("text", out, 3), 0);
    assert_string_equal(out, "");
    assert_int_equal(pix_text_escape(NULL, out, sizeof(out)), 0);
    assert_int_equal(pix_text_escape("text", NULL, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
