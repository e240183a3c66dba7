// SPDX-License-Identifier: MIT
//
// The benchmark from the command line: its tables, files and page, and comparisons.

#include "support/command.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"

// Every element is closed, in order; nothing is loaded from anywhere. The code at the
// end of the page is left out: test_browser.c runs it.
static void check_page(const char *path)
{
    static const char *const foreign[] = { "http:", "https:", "src=",
                                           "href=", "url(",   "@import",
                                           "<link", "<img",   "javascript" };
    char *full = command_file(path), *page = command_read(full);
    char stack[64][16];
    size_t depth = 0, charts = 0;
    char *code = strstr(page, "<script>");
    assert_non_null(code);
    assert_non_null(strstr(code, "</script>\n</body>\n</html>\n"));
    strcpy(code, "</body>\n</html>\n");
    for (size_t i = 0; i < ARRAY_LEN(foreign); i++)
        if (strstr(page, foreign[i]))
            fail_msg("%s has %s", path, foreign[i]);
    assert_true(strncmp(page, "<!DOCTYPE html>", 15) == 0);
    for (size_t at = 15; page[at]; at++) {
        if (page[at] != '<')
            continue;
        const bool closes = page[at + 1] == '/';
        const char *name = page + at + 1 + closes;
        const size_t length = strcspn(name, " />\n"),
                     end = at + strcspn(page + at, ">");
        assert_true(page[end] == '>');
        assert_true(length > 0 && length < sizeof(stack[0]));
        if (closes) {
            assert_true(depth > 0);
            depth--;
            if (strlen(stack[depth]) != length || strncmp(stack[depth], name, length))
                fail_msg("</%.*s> closes <%s>", (int)length, name, stack[depth]);
        } else if (page[end - 1] != '/' && strncmp(name, "meta", length) != 0) {
            assert_true(depth < ARRAY_LEN(stack));
            snprintf(stack[depth++], sizeof(stack[0]), "%.*s", (int)length, name);
            charts += length == 6 && strncmp(name, "figure", 6) == 0;
        }
        at = end;
    }
    assert_int_equal(depth, 0);
    assert_true(charts >= 3);
    assert_null(strstr(page, "nan"));
    assert_null(strstr(page, "inf"));
    mem_free(page);
    mem_free(full);
}

#define TINY "--sizes 32 --ngf 4 --ndf 4 --quick "

static void test_bench(void **state)
{
    (void)state;
    command_need_device();
    RUN(0, "bench " TINY "--batches 1,2 --json bench.json --html bench.html");
    command_check_has(command_out, "multiply-add, f32");
    command_check_has(command_out, "weight gradient");
    command_check_has(command_out, "training step, 32 px, 2 images");
    command_check_has(command_out, "how it was measured");
    check_page("bench.html");

    char *path = command_file("bench.json"), *text = command_read(path);
    json_t *document = command_parse(text);
    const json_t *device = json_array_get(json_object_get(document, "devices"), 0);
    const json_t *rows = json_object_get(device, "rows");
    assert_true(json_is_true(json_object_get(device, "complete")));
    assert_true(json_array_size(json_object_get(document, "method")) > 3);
    assert_true(json_array_size(rows) > 50);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        assert_true(command_number_at(row, "seconds") > 0);
        assert_true(command_number_at(row, "samples") >= 3);
        assert_true(command_number_at(row, "count") > 0);
    }
    json_decref(document);
    mem_free(text);
    mem_free(path);

    // Counted only, and all devices there are.
    RUN(0, "bench --counters --device all --json counted.json --html counted.html");
    command_check_has(command_out, "dispatches");
    path = command_file("counted.json");
    text = command_read(path);
    document = command_parse(text);
    device = json_array_get(json_object_get(document, "devices"), 0);
    rows = json_object_get(device, "rows");
    double dispatches = 0;
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        assert_true(command_number_at(row, "samples") == 0);
        assert_null(json_object_get(row, "seconds"));
        if (json_object_get(row, "plan"))
            dispatches += command_number_at(json_object_get(row, "plan"), "dispatches");
    }
    assert_true(dispatches > 50);
    json_decref(document);
    mem_free(text);
    mem_free(path);
    RUN(1, "bench --counters --json absent/b.json");
    command_check_has(command_err, "absent/b.json");
    assert_string_equal(command_out, "");
}

// Writes the result with each row of a step or call a second time, in bf16.
static void add_rows_in_bf16(const char *from, const char *to)
{
    char *path = command_file(from), *text = command_read(path),
         *out = command_file(to);
    json_t *document = command_parse(text);
    json_t *rows = json_object_get(
        json_array_get(json_object_get(document, "devices"), 0), "rows");
    const size_t count = json_array_size(rows);
    for (size_t i = 0; i < count; i++) {
        json_t *row = json_deep_copy(json_array_get(rows, i));
        if (strcmp(json_string_value(json_object_get(row, "kind")), "ceiling") == 0) {
            json_decref(row);
            continue;
        }
        json_object_set_new(row, "precision", json_string("bf16"));
        json_array_append_new(rows, row);
    }
    assert_int_equal(json_dump_file(document, out, 0), 0);
    json_decref(document);
    mem_free(out);
    mem_free(text);
    mem_free(path);
}

// A result of before there were precisions and floors.
static void test_bench_before(void **state)
{
    (void)state;
    assert_int_equal(
        command_shell("cp '%s/bench_before_precision.json' old.json", TEST_GOLDEN), 0);
    RUN(0, "bench --show old.json --html old.html");
    command_check_has(command_out, "conv 3x32x32 to 4x16x16, k4 s2, 1 image");
    command_check_has(command_out, "16 % f  conv_forward_fetch fetch-1x8");
    command_check_has(command_out, "training step, 32 px, 1 image");
    assert_null(strstr(command_out, "% f?"));
    assert_null(strstr(command_out, "% b?"));
    check_page("old.html");
    RUN(0, "bench --compare old.json old.json");
    command_check_has(command_out, "      1.00");
    assert_null(strstr(command_out, "only in"));
    // It is compared with new results in f32, not with others.
    assert_int_equal(
        command_shell(
            "sed 's/\"simple\"/\"precision\": \"f32\", &/' old.json >new.json"),
        0);
    RUN(0, "bench --compare old.json new.json");
    assert_null(strstr(command_out, "only in"));
    assert_int_equal(command_shell("sed 's/\"f32\"/\"bf16\"/' new.json >other.json"),
                     0);
    RUN(0, "bench --compare old.json other.json");
    command_check_has(command_out, "A is in f32, B in bf16");
    assert_null(strstr(command_out, "only in"));
    // Both in one: each has its own partner.
    add_rows_in_bf16("new.json", "both.json");
    RUN(0, "bench --show both.json");
    command_check_has(command_out, "precisions side by side");
    command_check_has(command_out, "weight gradient, bf16");
    RUN(0, "bench --compare old.json both.json");
    command_check_has(command_out, "only in B\n  all in bf16: ");
    assert_null(strstr(command_out, "only in A"));
    // What all calls of a group take, in the precision that both have.
    command_check_has(command_out, "\n  all of a step");
    assert_null(strstr(command_out, "all of a step, bf16"));
    // What cannot be.
    static const char *const bad[][2] = {
        { "s/\"f32\"/\"f99\"/", "\"precision\" has an unknown value" },
        { "s/\"bound_by\": \"flops\"/\"bound_by\": \"luck\"/", "\"bound_by\"" },
        { "s/\"ceiling_share\": /&-/", "\"ceiling_share\" is not a share" },
        { "s/\"simple\"/\"all_seconds\": [1], &/", "\"all_seconds\"" },
        { "s/\"simple\"/\"floor_seconds\": {\"flops\": -1}, &/", "\"floor_seconds\"" },
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(command_shell("sed '%s' new.json >bad.json", bad[i][0]), 0);
        RUN(1, "bench --show bad.json");
        command_check_has(command_err, bad[i][1]);
    }
}

static void test_bench_precisions(void **state)
{
    (void)state;
    RUN(2, "bench --precision f32,f8");
    command_check_has(command_err, "not \"f32,f8\"");
    RUN(2, "bench --precision f32,");
    RUN(2, "bench --show old.json --precision f16");
    command_need_device();
    if (command_shell("\"$P\" bench " TINY "--counters --precision f16 >/dev/null") !=
        0) {
        command_check_has(command_err, "--precision f16 needs");
        skip();
    }
    RUN(0, "bench " TINY "--precision f32,f16 --json both.json --html both.html");
    command_check_has(command_out, "precisions side by side");
    command_check_has(command_out, "floors of whole steps");
    command_check_has(command_out, "the same by op, f16");
    command_check_has(command_out, "training step, 32 px, 1 image, f16");
    check_page("both.html");
    // Whole steps have all their samples.
    char *path = command_file("both.json"), *text = command_read(path);
    json_t *document = command_parse(text);
    const json_t *rows = json_object_get(
        json_array_get(json_object_get(document, "devices"), 0), "rows");
    int halves = 0;
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        const char *precision = json_string_value(json_object_get(row, "precision"));
        if (!json_object_get(row, "plan"))
            continue;
        halves += strcmp(precision, "f16") == 0;
        assert_int_equal(json_array_size(json_object_get(row, "all_seconds")),
                         command_number_at(row, "samples"));
        assert_true(
            command_number_at(json_object_get(row, "floor_seconds"), "launches") > 0);
    }
    assert_int_equal(halves, 2);
    json_decref(document);
    mem_free(text);
    mem_free(path);
    RUN(0, "bench --show both.json");
    command_check_has(command_out, "precisions side by side");
}

static void test_bench_compare(void **state)
{
    static const char *const bad[][2] = {
        { "", "not a result" },
        { "words", "not a result" },
        { "[]", "format" },
        { "{}", "format" },
        { "{\\\"format\\\": \\\"pix2pix bench\\\"}", "format_version" },
        { "{\\\"format\\\": \\\"pix2pix bench\\\", \\\"format_version\\\": 99}",
          "another version" },
        { "{\\\"format\\\": \\\"pix2pix bench\\\", \\\"format_version\\\": 1}",
          "devices" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(command_shell("printf '%%s' \"%s\" >bad.json", bad[i][0]), 0);
        RUN(1, "bench --show bad.json");
        command_check_has(command_err, bad[i][1]);
        RUN(1, "bench --compare bad.json bad.json");
        command_check_has(command_err, "bad.json");
        command_check_has(command_err, bad[i][1]);
        assert_string_equal(command_out, "");
    }
    // A pipe is refused at once: nothing may ever come.
    assert_int_equal(command_shell("mkfifo pipe; timeout 20 \"$P\" bench --show pipe"),
                     1);
    command_check_has(command_err, "pipe cannot be read: it is not a regular file");
    RUN(1, "bench --compare folder bad.json");
    command_check_has(command_err, "folder cannot be read: it is a folder");
    RUN(1, "bench --compare missing.json bad.json");
    command_check_has(command_err, "missing.json");
    command_need_device();

    RUN(0, "bench " TINY "--only train --json one.json");
    RUN(0, "bench --compare one.json one.json");
    command_check_has(command_out, "training step, 32 px, 1 image");
    command_check_has(command_out, "      1.00");
    assert_null(strstr(command_out, "only in"));
    RUN(0, "bench --show one.json --html one.html");
    command_check_has(command_out, "training step, 32 px, 1 image");
    command_check_file("one.html", true);
    // A page that cannot be finished leaves the previous one.
    assert_int_equal(
        command_shell("cp one.html two.html; ulimit -f 2; \"$P\" bench --show "
                      "one.json --html one.html >/dev/null"),
        1);
    command_check_has(command_err, "one.html");
    assert_int_equal(command_shell("cmp one.html two.html && ! ls -A | grep '[.]tmp$'"),
                     0);
    // A row of another name has no partner.
    assert_int_equal(command_shell("sed -e 's/training step, 32/step, 32/' "
                                   "-e 's/empty dispatch/nothing/' one.json >two.json"),
                     0);
    RUN(0, "bench --compare one.json two.json");
    command_check_has(command_out, "only in A\n  ceiling: empty dispatch\n");
    command_check_has(command_out, "only in B\n  ceiling: nothing\n");
    // A counter that differs is shown.
    assert_int_equal(
        command_shell("sed -e 's/\"barriers\": /\"barriers\": 1/' one.json >two.json"),
        0);
    RUN(0, "bench --compare one.json two.json");
    command_check_has(command_out, "barriers");
    assert_null(strstr(command_out, "bytes of the arena"));
    // A file that is cut, and one that lies.
    assert_int_equal(command_shell("head -c 2000 one.json >bad.json"), 0);
    RUN(1, "bench --compare one.json bad.json");
    command_check_has(command_err, "bad.json");
    assert_int_equal(
        command_shell("sed 's/\"seconds\": /\"seconds\": -/' one.json >bad.json"), 0);
    RUN(1, "bench --compare bad.json one.json");
    command_check_has(command_err, "\"seconds\" is not a time");
    assert_int_equal(
        command_shell(
            "sed 's/\"seconds\": .*/\"seconds\": 1e-300,/' one.json >bad.json"),
        0);
    RUN(1, "bench --show bad.json --html bad.html");
    command_check_has(command_err, "\"seconds\" is not a time");
    command_check_file("bad.html", false);
    assert_int_equal(
        command_shell("sed 's/\"batch\": 1/\"batch\": 0/' one.json >bad.json"), 0);
    RUN(1, "bench --show bad.json");
    command_check_has(command_err, "\"batch\"");
    // Of two equal devices each has its own partner.
    assert_int_equal(
        command_shell(
            "tr -d '\\n' <one.json >flat.json; "
            "sed 's/\"devices\": *\\[\\(.*\\)\\]}$/\"devices\": [\\1, \\1]}/; "
            "s/\\(.*\\)step, 32/\\1second, 32/' flat.json >two.json"),
        0);
    RUN(0, "bench --compare two.json two.json");
    assert_null(strstr(command_out, "only in"));
    // Escapes do not reach the terminal.
    assert_int_equal(
        command_shell(
            "sed 's/empty dispatch/em\\\\u001b\\\\u009b\\\\u202epty/' one.json "
            ">bad.json"),
        0);
    RUN(0, "bench --show bad.json --html bad.html");
    command_check_has(command_out, "em\\x1b\\u{9b}\\u{202e}pty");
    assert_null(strchr(command_out, '\x1b'));
    char *path = command_file("bad.html"), *page = command_read(path);
    command_check_has(page, "em\\x1b\\u{9b}\\u{202e}pty");
    mem_free(page);
    mem_free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bench),
        cmocka_unit_test(test_bench_before),
        cmocka_unit_test(test_bench_precisions),
        cmocka_unit_test(test_bench_compare),
    };
    return cmocka_run_group_tests(tests, command_open, command_close);
}
