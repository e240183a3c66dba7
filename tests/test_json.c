// SPDX-License-Identifier: MIT
//
// What the reader accepts, what it refuses and how it says so, and that what the writer
// writes is read back the same.

#include "base/json.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/mem.h"

static struct json_document *parse(const char *text)
{
    // A copy without a byte behind it, so that the sanitizer sees reads past the end.
    size_t size = strlen(text);
    char *copy = mem_alloc(size);
    memcpy(copy, text, size);
    struct json_document *document = json_parse(copy, size, "test");
    mem_free(copy);
    json_destroy(document);
    return json_parse(text, size, "test");
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
        "\t{ \"a\" : 1 , \"a\" : 2 }\r\n",
        "[\"\\u00e4\\ud83d\\ude00\\\"\\\\\\/\\b\\f\\n\\r\\t\"]",
        "[\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\x7f\"]",
        "[1E5,1e+5,1.25,-1]",
        "[\"}\",\"]\",\",\",\":\"]",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct json_document *document = parse(texts[i]);
        if (!document)
            print_error("refused: %s\n", texts[i]);
        assert_non_null(document);
        json_destroy(document);
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
        log_clear_error();
        struct json_document *document = parse(texts[i]);
        if (document)
            print_error("accepted: %s\n", texts[i]);
        assert_null(document);
        assert_non_null(strstr(log_last_error(), "test: line "));
    }
    assert_null(json_parse("[\0]", 3, "test"));
    assert_null(json_parse("[1]\0", 4, "test"));

    assert_null(parse("{\n  \"a\": 1,\n  \"b\" 2\n}"));
    assert_string_equal(log_last_error(),
                        "json: test: line 3, column 7: ':' is expected");
    assert_null(parse("{\"a\": [1, 2"));
    assert_non_null(strstr(log_last_error(), "ends too early"));
}

static void test_depth(void **state)
{
    char text[1000];
    (void)state;
    for (size_t depth = 1; depth < 400; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        struct json_document *document = json_parse(text, 2 * depth, "deep");
        assert_true((document != NULL) == (depth <= 64));
        json_destroy(document);
    }
    // A limit of depth, not of size: brackets that never close.
    size_t size = 1000000;
    char *many = mem_alloc(size);
    memset(many, '[', size);
    assert_null(json_parse(many, size, "deep"));
    mem_free(many);
}

static void test_walk(void **state)
{
    static const char text[] =
        "{\"n\": {\"x\": [1, {\"y\": 2}, [3, 4]], \"z\": 5}, \"a\\u0062c\": \"v\","
        " \"n\": 6, \"e\": [], \"\": true}";
    struct json_document *document = parse(text);
    uint64_t u = 0;
    bool yes = false;
    (void)state;

    assert_non_null(document);
    struct json root = json_root(document);
    assert_true(json_is_object(root));
    assert_int_equal(json_count(root), 5);
    struct json n = json_get(root, "n");
    assert_true(json_is_object(n));
    struct json x = json_get(n, "x");
    assert_true(json_is_array(x));
    assert_int_equal(json_count(x), 3);
    assert_true(json_to_u64(json_element(x, 0), &u) && u == 1);
    assert_true(json_to_u64(json_get(json_element(x, 1), "y"), &u) && u == 2);
    assert_true(json_to_u64(json_element(json_element(x, 2), 1), &u) && u == 4);
    assert_true(json_to_u64(json_get(n, "z"), &u) && u == 5);
    assert_true(json_is_string(json_get(root, "abc")));
    assert_int_equal(json_count(json_get(root, "e")), 0);
    assert_true(json_to_bool(json_get(root, ""), &yes) && yes);

    // Absent values: every question has an answer.
    assert_false(json_is_present(json_get(root, "ab")));
    assert_false(json_is_present(json_get(root, "abcd")));
    assert_false(json_is_present(json_element(x, 3)));
    struct json absent = json_get(json_get(json_element(root, 0), "q"), "r");
    assert_false(json_is_present(absent));
    assert_int_equal(json_count(absent), 0);
    assert_false(json_to_u64(absent, &u) || json_to_bool(absent, &yes));
    assert_null(json_to_string(absent));
    assert_true(json_each(absent, NULL, NULL));
    json_destroy(document);
    json_destroy(NULL);
}

struct collected {
    char keys[64];
    int count, stop_after;
};

static bool collect(void *user, const char *key, struct json value)
{
    struct collected *c = user;
    assert_true(json_is_present(value));
    strcat(c->keys, key);
    strcat(c->keys, ";");
    return ++c->count != c->stop_after;
}

static bool count_member(void *user, const char *key, struct json value)
{
    uint32_t *count = user;
    char expected[32];
    snprintf(expected, sizeof(expected), "key%u", (unsigned)*count);
    assert_string_equal(key, expected);
    assert_int_equal(json_count(value), 2);
    ++*count;
    return true;
}

static void test_each(void **state)
{
    struct json_document *document = parse("{\"a\":[1,2],\"b\\n\":{\"c\":1},\"d\":0}");
    struct collected all = { .stop_after = 0 }, some = { .stop_after = 2 };
    (void)state;
    assert_true(json_each(json_root(document), collect, &all));
    assert_string_equal(all.keys, "a;b\n;d;");
    assert_false(json_each(json_root(document), collect, &some));
    assert_int_equal(some.count, 2);
    json_destroy(document);

    // Large enough to hang if a member cost as much as its place.
    enum { COUNT = 200000 };
    struct json_writer w = { 0 };
    json_begin_object(&w, NULL);
    for (uint32_t i = 0; i < COUNT; i++) {
        char key[32];
        snprintf(key, sizeof(key), "key%u", (unsigned)i);
        json_begin_array(&w, key);
        json_u64(&w, NULL, i);
        json_u64(&w, NULL, i);
        json_end_array(&w);
    }
    json_end_object(&w);
    char *text = json_writer_finish(&w);
    document = json_parse(text, strlen(text), "large");
    assert_non_null(document);
    uint32_t count = 0;
    assert_true(json_each(json_root(document), count_member, &count));
    assert_int_equal(count, COUNT);
    json_destroy(document);
    mem_free(text);
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
        { "18446744073709551615", true, UINT64_MAX, true, 18446744073709551615.0 },
        { "18446744073709551616", false, 0, true, 18446744073709551616.0 },
        { "99999999999999999999999", false, 0, true, 1e23 },
        { "-1", false, 0, true, -1.0 },
        { "1.0", false, 0, true, 1.0 },
        { "1e2", false, 0, true, 100.0 },
        { "2.5e-3", false, 0, true, 0.0025 },
        { "1e999", false, 0, false, 0.0 },
        { "1e-999", false, 0, true, 0.0 },
        { "null", false, 0, false, 0.0 },
        { "true", false, 0, false, 0.0 },
        { "\"1\"", false, 0, false, 0.0 },
        { "[1]", false, 0, false, 0.0 },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct json_document *document = parse(cases[i].text);
        uint64_t u = 0;
        double d = 0;
        assert_true(json_to_u64(json_root(document), &u) == cases[i].is_u64);
        assert_true(u == cases[i].u64);
        assert_true(json_to_double(json_root(document), &d) == cases[i].is_double);
        assert_true(d == cases[i].real);
        json_destroy(document);
    }

    struct json_document *document =
        parse("\"\\u00e4\\u20ac\\ud83d\\ude00\\\"\\/\\n\xc3\xa4\"");
    char *text = json_to_string(json_root(document));
    assert_string_equal(text, "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"/\n\xc3\xa4");
    mem_free(text);
    json_destroy(document);
}

static void test_writer(void **state)
{
    struct json_writer w = { 0 };
    (void)state;

    json_begin_object(&w, NULL);
    json_newline(&w);
    json_string(&w, "s", "a\"\\\n\t\x01\xc3\xa4");
    json_newline(&w);
    json_begin_array(&w, "list");
    json_u64(&w, NULL, UINT64_MAX);
    json_bool(&w, NULL, true);
    json_null(&w, NULL);
    json_begin_object(&w, NULL);
    json_end_object(&w);
    json_end_array(&w);
    json_newline(&w);
    json_end_object(&w);
    json_newline(&w);
    char *text = json_writer_finish(&w);
    assert_string_equal(text,
                        "{\n  \"s\": \"a\\\"\\\\\\n\\t\\u0001\xc3\xa4\",\n"
                        "  \"list\": [18446744073709551615, true, null, {}]\n}\n");
    struct json_document *document = parse(text);
    char *s = json_to_string(json_get(json_root(document), "s"));
    assert_string_equal(s, "a\"\\\n\t\x01\xc3\xa4");
    mem_free(s);
    json_destroy(document);
    mem_free(text);

    // Documents in a row, one a line; bytes that are not UTF-8 do no harm.
    for (int i = 0; i < 2; i++) {
        json_begin_object(&w, NULL);
        json_string(&w, "n", "\xff");
        json_end_object(&w);
        json_newline(&w);
    }
    text = json_writer_finish(&w);
    assert_string_equal(text, "{\"n\": \"\xef\xbf\xbd\"}\n{\"n\": \"\xef\xbf\xbd\"}\n");
    mem_free(text);
    text = json_writer_finish(&w);
    assert_string_equal(text, "");
    mem_free(text);
}

static void check_doubles(void)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        { 0.0, "0" },         { 286.0, "286" },      { 100.0, "100" },
        { 0.1, "0.1" },       { -2.5, "-2.5" },      { 2e-4, "0.0002" },
        { 1.0 / 3, NULL },    { DBL_MAX, NULL },     { DBL_MIN, NULL },
        { 5e-324, "5e-324" }, { 1e300, "1e+300" },   { 0.30000000000000004, NULL },
        { INFINITY, "null" }, { -INFINITY, "null" }, { NAN, "null" },
        { 123456.789, NULL },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct json_writer w = { 0 };
        double back = 0;
        json_double(&w, NULL, cases[i].value);
        char *text = json_writer_finish(&w);
        if (cases[i].text)
            assert_string_equal(text, cases[i].text);
        struct json_document *document = parse(text);
        assert_non_null(document);
        assert_true(json_to_double(json_root(document), &back) ==
                    !!isfinite(cases[i].value));
        if (isfinite(cases[i].value))
            assert_true(back == cases[i].value);
        json_destroy(document);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepts), cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_depth),   cmocka_unit_test(test_walk),
        cmocka_unit_test(test_each),    cmocka_unit_test(test_conversions),
        cmocka_unit_test(test_writer),  cmocka_unit_test(test_doubles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
