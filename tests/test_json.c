// SPDX-License-Identifier: MIT
//
// What is accepted, what is refused with which message, and that written values read
// back the same.

#include "base/json.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "support/log.h"

static json_t *parse(const char *text)
{
    return json_parse(text, strlen(text), "test");
}

static void test_accepts(void **state)
{
    static const char *const texts[] = {
        "{}",
        "[]",
        " [ ] ",
        "0",
        "-0.5e-10",
        "true",
        "  null\n",
        "\"x\"",
        "\"\"",
        "[1,2]",
        "{\"a\":{\"b\":[[],{}]},\"c\":1}",
        "\t{ \"a\" : 1 , \"b\" : 2 }\r\n",
        "[\"\\u00e4\\ud83d\\ude00\\\"\\\\\\/\\b\\f\\n\\r\\t\"]",
        "[\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\x7f\"]",
        "[1E5,1e+5,1.25,-1]",
        "[\"}\",\"]\",\",\",\":\"]",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        json_t *document = parse(texts[i]);
        if (!document)
            print_error("refused: %s\n", texts[i]);
        assert_non_null(document);
        json_decref(document);
    }
}

static void test_refuses(void **state)
{
    static const char *const texts[] = {
        "",
        " ",
        "{",
        "[",
        "[1",
        "[1,",
        "[1,]",
        "[,1]",
        "[1,,2]",
        "[1 2]",
        "[1]]",
        "[1]x",
        "1 2",
        "{}{}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{\"a\" 1}",
        "{\"a\":1 \"b\":2}",
        "{\"a\":1:2}",
        "{1:2}",
        "{a:1}",
        "{\"a\":1,\"\\u0061\":1}",
        "[9223372036854775808]",
        "[1e999]",
        "{\"a\":1]",
        "[}",
        "]",
        "[01]",
        "[1.]",
        "[.5]",
        "[+1]",
        "[-]",
        "[1e]",
        "[1e+]",
        "[0x1]",
        "[1.2.3]",
        "[tru]",
        "[truex]",
        "[True]",
        "[NaN]",
        "[Infinity]",
        "nul",
        "\"",
        "\"\\",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"\\ud83d\"",
        "\"\\ude00\"",
        "\"\\ud83d\\u0041\"",
        "\"\\u0000\"",
        "{\"\\u0000\":1}",
        "\"\n\"",
        "\"\x01\"",
        "\"\xff\"",
        "\"\xc3\"",
        "\"\xc0\x80\"",
        "\"\xed\xa0\x80\"",
        "\"\xf4\x90\x80\x80\"",
        "'a'",
        "[1]//",
        "\xef\xbb\xbf{}",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        test_forget_error();
        json_t *document = parse(texts[i]);
        if (document)
            print_error("accepted: %s\n", texts[i]);
        assert_null(document);
        assert_non_null(strstr(log_last_error(), "test: line "));
    }
    assert_null(json_parse("[\0]", 3, "test"));
    assert_null(json_parse("[1]\0", 4, "test"));

    assert_null(parse("{\n  \"a\": 1,\n  \"b\" 2\n}"));
    assert_string_equal(log_last_error(),
                        "json: test: line 3, column 7: ':' expected near '2'");
    assert_null(parse("{\"a\": [1, 2"));
    assert_non_null(strstr(log_last_error(), "near end of file"));
    assert_null(json_parse("{}", 100000001, "test"));
    assert_non_null(strstr(log_last_error(), "too many"));
}

static void test_depth(void **state)
{
    (void)state;
    for (size_t depth = 64; depth <= 1000000; depth *= 125) {
        char *text = mem_alloc(2 * depth);
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        json_t *document = json_parse(text, 2 * depth, "deep");
        assert_true((document != NULL) == (depth == 64));
        json_decref(document);
        mem_free(text);
    }
}

static void test_conversions(void **state)
{
    static const struct {
        const char *text;
        bool is_u64;
        uint64_t u64;
        bool is_double;
        double real;
    } cases[] = {
        { "0", true, 0, true, 0.0 },
        { "9223372036854775807", true, INT64_MAX, true, 9223372036854775807.0 },
        { "9.5e23", false, 0, true, 9.5e23 },
        { "-1", false, 0, true, -1.0 },
        { "1.0", false, 0, true, 1.0 },
        { "1e2", false, 0, true, 100.0 },
        { "2.5e-3", false, 0, true, 0.0025 },
        { "1e-999", false, 0, true, 0.0 },
        { "null", false, 0, false, 0.0 },
        { "true", false, 0, false, 0.0 },
        { "\"1\"", false, 0, false, 0.0 },
        { "[1]", false, 0, false, 0.0 },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        json_t *document = parse(cases[i].text);
        uint64_t u = 0;
        double d = 0;
        assert_true(json_to_u64(document, &u) == cases[i].is_u64);
        assert_true(u == cases[i].u64);
        assert_true(json_to_double(document, &d) == cases[i].is_double);
        assert_true(d == cases[i].real);
        json_decref(document);
    }

    uint64_t u;
    double d;
    assert_false(json_to_u64(NULL, &u) || json_to_double(NULL, &d));
}

static void test_text(void **state)
{
    static const char expected[] =
        "{\"s\": \"a\\\"\\\\\\n\\t\\u0001\xc3\xa4\", \"n\": 9223372036854775807, "
        "\"list\": [true, null, {}], \"path\": \"b??\", \"third\": 0.3333333333333333}";
    json_t *object = json_object(), *list = json_array();
    json_add(&object, "s", json_from_text("a\"\\\n\t\x01\xc3\xa4"));
    json_add(&object, "n", json_integer(INT64_MAX));
    json_append(&list, json_true());
    json_append(&list, json_null());
    json_append(&list, json_object());
    json_add(&object, "list", list);
    json_add(&object, "path", json_from_text("b\xff\xc3"));
    json_add(&object, "third", json_from_double(1.0 / 3));
    (void)state;
    char *text = json_text(json_incref(object));
    assert_string_equal(text, expected);
    json_t *back = parse(text);
    assert_true(json_equal(object, back));
    json_decref(back);
    json_decref(object);
    mem_free(text);

    text = json_text(json_object());
    assert_string_equal(text, "{}");
    mem_free(text);
    object = json_object();
    json_add(&object, "x", NULL);
    assert_null(object);
    json_add(&object, "y", json_true());
    assert_null(object);
    list = json_array();
    json_append(&list, NULL);
    assert_null(list);
    json_append(&list, json_true());
    assert_null(list);
    test_forget_error();
    assert_null(json_text(object));
    assert_non_null(strstr(log_last_error(), "memory"));
}

// The same texts are UTF-8 as for Jansson.
static void test_utf8(void **state)
{
    static const struct {
        const char *text;
        bool is_utf8;
    } cases[] = {
        { "", true },
        { "a/b", true },
        { "\xc3\xa4", true },
        { "\xed\x9f\xbf", true },
        { "\xee\x80\x80", true },
        { "\xf4\x8f\xbf\xbf", true },
        { "\xf0\x90\x80\x80", true },
        { "\x80", false },
        { "a\xc3", false },
        { "\xc3(", false },
        { "\xe2\x82", false },
        { "\xf0\x9f\x98", false },
        { "\xff", false },
        { "\xc0\xaf", false },            // "/" in two bytes
        { "\xe0\x80\xaf", false },        // in three
        { "\xf0\x80\x80\xaf", false },    // in four
        { "\xed\xa0\x80", false },        // a surrogate
        { "\xf4\x90\x80\x80", false },    // above the last character
        { "\xf8\x88\x80\x80\x80", false },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        json_t *v = json_string(cases[i].text);
        assert_true(text_is_utf8(cases[i].text) == cases[i].is_utf8);
        assert_true((v != NULL) == cases[i].is_utf8);
        json_decref(v);
    }
}

static void test_lines(void **state)
{
    (void)state;
    json_t *object = json_pack("{s:i, s:[i]}", "a", 1, "b", 2);
    char *text = json_lines(object);
    assert_string_equal(text, "{\n  \"a\": 1,\n  \"b\": [\n    2\n  ]\n}\n");
    mem_free(text);
    json_decref(object);
    assert_null(json_lines(NULL));
}

static void check_doubles(void)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        { 0.0, "{\"x\": 0}" },
        { 286.0, "{\"x\": 286}" },
        { -2.5, "{\"x\": -2.5}" },
        { 0.1, "{\"x\": 0.1}" },
        { 2e-4, "{\"x\": 0.0002}" },
        { 1e300, "{\"x\": 1e300}" },
        { 5e-324, NULL },
        { 1.0 / 3, NULL },
        { DBL_MAX, NULL },
        { DBL_MIN, NULL },
        { 123456.789, "{\"x\": 123456.789}" },
        { 0.30000000000000004, NULL },
        { INFINITY, "{\"x\": null}" },
        { -INFINITY, "{\"x\": null}" },
        { NAN, "{\"x\": null}" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        double back = 0;
        char *text =
            json_text(json_pack("{s:o}", "x", json_from_double(cases[i].value)));
        if (cases[i].text)
            assert_string_equal(text, cases[i].text);
        json_t *document = parse(text);
        assert_non_null(document);
        assert_true(json_to_double(json_object_get(document, "x"), &back) ==
                    !!isfinite(cases[i].value));
        if (isfinite(cases[i].value))
            assert_true(back == cases[i].value);
        json_decref(document);
        mem_free(text);
    }
}

// A program that uses the library may have set a locale with a decimal comma.
static void test_doubles(void **state)
{
    static const char *const locales[] = { "de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8",
                                           "de_DE", "German" };
    (void)state;
    check_doubles();
    for (size_t i = 0; i < ARRAY_LEN(locales); i++) {
        if (setlocale(LC_NUMERIC, locales[i])) {
            check_doubles();
            break;
        }
    }
    setlocale(LC_NUMERIC, "C");
}

// An allocator of the program's own that runs out of memory.
static struct {
    size_t calls, first, last;    // those from first to last have none; 0: all have
    size_t live;                  // blocks
} scarce;

static void *scarce_malloc(size_t size)
{
    scarce.calls++;
    void *p = scarce.calls >= scarce.first && scarce.calls <= scarce.last
                  ? NULL
                  : malloc(size);
    scarce.live += p != NULL;
    return p;
}

static void scarce_free(void *p)
{
    scarce.live -= p != NULL;
    free(p);
}

// Parses with the Nth allocation failing, and all that follow it or not. False if there
// are not so many.
static bool check_scarce(const char *text, size_t number, bool once)
{
    const uint64_t failures = mem_failures();
    const size_t live = scarce.live;
    scarce.calls = 0;
    scarce.first = number;
    scarce.last = once ? number : SIZE_MAX;
    test_forget_error();
    json_t *document = parse(text);
    const bool happened = scarce.calls >= number;
    scarce.first = scarce.last = 0;
    assert_true((document == NULL) == happened);
    assert_true((mem_failures() == failures) == !happened);
    if (happened)
        assert_string_equal(log_last_error(), "json: out of memory while reading test");
    json_decref(document);
    assert_int_equal(scarce.live, live);
    return happened;
}

// Jansson's lexer goes on with a token that could not grow: it reads past the end of a
// string, and its assertions end the process in the middle of a number. Wherever memory
// is missing, that is the error and not the text, and nothing is left. The allocator is
// the program's, and stays.
static void test_memory(void **state)
{
    static const char *const texts[] = {
        "[]",
        "[\"a string that is longer than the first buffer of a token\"]",
        "[123456789012345, 1234567890123456, 1.234567890123e-05, 1.2345678901234e-05]",
        "{\"a\": {\"a key that is longer than the first buffer\": [{}, [1, true]]}}",
        "[\"\\u00e4 an escape, then a character: \xc3\xa4\", 1, 2, 3, 4, 5, 6, 7, 8, 9]",
    };
    json_malloc_t allocate;
    json_free_t release;
    (void)state;
    json_set_alloc_funcs(scarce_malloc, scarce_free);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        for (int once = 0; once < 2; once++) {
            size_t number = 1;
            while (check_scarce(texts[i], number, once))
                number++;
            assert_true(number > 2);
        }
    json_get_alloc_funcs(&allocate, &release);
    assert_true(allocate == scarce_malloc && release == scarce_free);

    const uint64_t failures = mem_failures();
    scarce.calls = 0;
    scarce.first = scarce.last = 1;
    assert_null(json_from_text("no room"));
    assert_int_equal(mem_failures(), failures + 1);
    json_set_alloc_funcs(malloc, free);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepts), cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_depth),   cmocka_unit_test(test_conversions),
        cmocka_unit_test(test_text),    cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_lines),   cmocka_unit_test(test_doubles),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
