// SPDX-License-Identifier: MIT
//
// The page of a run, from what a run has left: what is in it, how much, and what
// becomes of names that would do harm. test_browser.c looks at it as a person would.

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/command.h"
#include "support/report_run.h"

#include "page/script.h"
#include "report/curves.h"
#include "report/images.h"

// ---------------------------------------------------------------------------
// Parts

static char *text_of(FILE *f)
{
    const long size = ftell(f);
    char *text = mem_zalloc((size_t)size + 1);
    rewind(f);
    assert_int_equal(fread(text, 1, (size_t)size, f), size);
    fclose(f);
    return text;
}

static void test_text(void **state)
{
    static const char foreign[] = "a\"b\\c</script>\n\x01\x7f\xc3\xa4&";
    (void)state;
    FILE *f = tmpfile();
    script_put_text(f, foreign);
    char *text = text_of(f);
    assert_string_equal(text, "\"a\\\"b\\\\c\\u003c/script>\\u000a\\u0001\\u007f"
                              "\xc3\xa4&\"");
    json_t *v = json_loads(text, JSON_DECODE_ANY, NULL);
    assert_string_equal(json_string_value(v), foreign);
    json_decref(v);
    mem_free(text);

    f = tmpfile();
    script_put_number(f, 0.25);
    script_put_number(f, NAN);
    script_put_number(f, -INFINITY);
    script_put_text(f, NULL);
    script_put_json(f, "[\"</a>\"]", 8);
    text = text_of(f);
    assert_string_equal(text, "0.25nullnullnull[\"\\u003c/a>\"]");
    mem_free(text);
}

static void check_thin(size_t count)
{
    double *x = mem_array(count, sizeof(double)), *y = mem_array(count, sizeof(double));
    double tx[CURVE_POINTS], ty[CURVE_POINTS];
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        x[i] = 3.0 * (double)i;
        y[i] = sin((double)i) + (double)(i * 7919 % 101);
    }
    const size_t low = count / 3, high = count - count / 5 - 1;
    y[low] = -50;
    y[high] = 900;
    const size_t used = curves_thin(x, y, count, tx, ty);
    assert_true(used <= CURVE_POINTS && (count > CURVE_POINTS || used == count));
    assert_true(count < CURVE_POINTS || used > CURVE_POINTS * 9 / 10);
    assert_true(tx[0] == x[0] && tx[used - 1] == x[count - 1]);
    bool has_low = false, has_high = false;
    for (size_t i = 0; i < used; i++) {
        assert_true(i == 0 || tx[i] > tx[i - 1]);
        while (x[at] < tx[i])
            at++;
        assert_true(x[at] == tx[i] && y[at] == ty[i]);
        has_low |= at == low;
        has_high |= at == high;
    }
    assert_true(has_low && has_high);
    mem_free(x);
    mem_free(y);
}

static void test_thin(void **state)
{
    static const size_t counts[] = { 7, 999, 1000, 1001, 1003, 1999, 2000, 50000 };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(counts); i++)
        check_thin(counts[i]);
    double x = 1, y = 2, tx[CURVE_POINTS], ty[CURVE_POINTS];
    assert_int_equal(curves_thin(&x, &y, 1, tx, ty), 1);
    assert_int_equal(curves_thin(&x, &y, 0, tx, ty), 0);
}

static void test_samples(void **state)
{
    static const uint64_t digits[] = { 50, 10, 10, 40, 10, 30 };
    (void)state;
    assert_int_equal(samples_thin(digits, 6, 6, 150), 1);
    assert_int_equal(samples_thin(digits, 6, 5, 150), 2);
    assert_int_equal(samples_thin(digits, 6, 6, 149), 2);    // 30 + 40 + 10
    assert_int_equal(samples_thin(digits, 6, 6, 79), 3);     // 30 + 10
    assert_int_equal(samples_thin(digits, 6, 6, 39), 6);     // the last one
    assert_int_equal(samples_thin(digits, 6, 6, 29), 0);
    assert_int_equal(samples_thin(digits, 0, 6, 29), 0);
}

static void check_base64(const char *bytes, size_t size, const char *expected)
{
    FILE *from = tmpfile(), *to = tmpfile();
    assert_int_equal(fwrite(bytes, 1, size, from), size);
    rewind(from);
    assert_true(images_put_base64(to, from));
    char *text = text_of(to);
    assert_string_equal(text, expected);
    mem_free(text);
    fclose(from);
}

static void test_base64(void **state)
{
    (void)state;
    check_base64("", 0, "");
    check_base64("f", 1, "Zg==");
    check_base64("fo", 2, "Zm8=");
    check_base64("foobar", 6, "Zm9vYmFy");
    check_base64("\xff\xfe\x00\x3e", 4, "//4APg==");
}

// ---------------------------------------------------------------------------
// Pages

static const char scripts[] = "<script";

static size_t count_of(const char *text, const char *part)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, part)); at++)
        count++;
    return count;
}

// An element of data. Caller frees.
static json_t *data_of(const char *page, const char *id)
{
    char head[64];
    snprintf(head, sizeof(head), "<script type=\"application/json\" id=\"%s\">", id);
    const char *begin = strstr(page, head);
    if (!begin)
        return NULL;
    begin += strlen(head);
    const char *end = strstr(begin, "</script>");
    assert_non_null(end);
    json_t *document =
        json_loadb(begin, (size_t)(end - begin), JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(document);
    return document;
}

// Bytes outside of the elements of data.
static size_t measure_code(const char *page)
{
    static const char head[] = "<script type=\"application/json\"";
    size_t size = strlen(page);
    for (const char *at = page; (at = strstr(at, head));) {
        const char *end = strstr(at, "</script>");
        size -= (size_t)(end - at);
        at = end;
    }
    return size;
}

static void check_curve(const json_t *curves, const char *name, size_t count)
{
    const json_t *curve = json_object_get(curves, name);
    assert_int_equal(json_array_size(json_array_get(curve, 0)), count);
    assert_int_equal(json_array_size(json_array_get(curve, 1)), count);
}

static void test_page(void **state)
{
    (void)state;
    char *folder = command_file("made"), *path = command_file("made/report.html");
    report_run_write(folder);
    RUN(0, "report made");
    command_check_has(command_out, "made/report.html");
    assert_string_equal(command_err, "");
    char *page = command_read(path);
    // Data of three kinds, uPlot, the page's own.
    assert_int_equal(count_of(page, scripts), 5);
    assert_int_equal(count_of(page, "window.hacked=1"), 1);
    assert_null(strstr(page, "<b class=hacked"));
    assert_int_equal(count_of(page, "Copyright (c) 2022 Leon Sorokin"), 1);
    command_check_has(page, "default-src 'none'");
    assert_in_range(measure_code(page), 60000, 200000);
    assert_true(strlen(page) < 20000000);

    json_t *data = data_of(page, "page-data");
    const json_t *curves = json_object_get(data, "curves");
    assert_int_equal(command_number_at(data, "step"), REPORT_RUN_STEPS);
    assert_true(json_is_false(json_object_get(data, "has_val")));
    assert_null(json_object_get(curves, "loss_d_gp"));
    check_curve(curves, "loss_g_l1", 1000);
    check_curve(curves, "val_l1", 6);
    const json_t *scales = json_array_get(json_object_get(curves, "loss_scale_g"), 1);
    assert_true(json_number_value(json_array_get(scales, 0)) == 65536);
    assert_true(
        json_number_value(json_array_get(scales, json_array_size(scales) - 1)) == 2048);
    assert_non_null(json_object_get(curves, "skipped_d"));
    const json_t *spiky = json_array_get(json_object_get(curves, "loss_d_real"), 1);
    double most = 0;
    for (size_t i = 0; i < json_array_size(spiky); i++)
        most = fmax(most, json_number_value(json_array_get(spiky, i)));
    assert_true(most == 99.5);
    assert_int_equal(json_array_size(json_object_get(data, "samples")), 6);
    json_decref(data);
    data = data_of(page, "gallery-data");
    assert_int_equal(json_array_size(json_object_get(data, "shown")), 100);
    json_decref(data);
    data = data_of(page, "run-data");
    const json_t *warning = json_array_get(json_object_get(data, "warnings"), 0);
    assert_int_equal(command_number_at(warning, "step"), 2000);
    json_decref(data);

    // The same run, the same bytes.
    RUN(0, "report made --output again.html");
    assert_int_equal(command_shell("cmp made/report.html again.html"), 0);
    mem_free(page);
    mem_free(path);
    mem_free(folder);
}

// What is missing or damaged.
static void test_lacking(void **state)
{
    (void)state;
    char *folder = command_file("lacks"), *path = command_file("lacks/report.html");
    report_run_write(folder);
    assert_int_equal(
        command_shell(
            "rm -r lacks/report lacks/samples/*; echo '{\"step\": oops' "
            ">>lacks/metrics.jsonl; printf '{\"step\": 1' >>lacks/metrics.jsonl"),
        0);
    RUN(0, "report lacks");
    char *page = command_read(path);
    json_t *data = data_of(page, "page-data");
    assert_int_equal(command_number_at(data, "damaged_lines"), 1);
    assert_int_equal(json_array_size(json_object_get(data, "samples")), 0);
    assert_null(data_of(page, "gallery-data"));
    assert_null(data_of(page, "run-data"));
    json_decref(data);
    mem_free(page);

    RUN(1, "report absent");
    command_check_has(command_err, "absent");
    RUN(2, "report");
    // Nothing of the run itself is written over.
    RUN(2, "report lacks --output lacks/config.json");
    command_check_has(command_err, "must end in .html");
    assert_int_equal(command_shell("mkdir folder.html"), 0);
    RUN(1, "report lacks --output folder.html");
    RUN(1, "report lacks --output missing/page.html");
    command_check_has(command_err, "missing/page.html");
    // A link is replaced: a run writes to no file outside of its folder.
    assert_int_equal(command_shell("echo kept >outside; rm lacks/report.html; "
                                   "ln -s ../outside lacks/report.html"),
                     0);
    RUN(0, "report lacks");
    assert_int_equal(
        command_shell("test ! -L lacks/report.html && grep -q kept outside"), 0);
    mem_free(path);
    mem_free(folder);
}

// ---------------------------------------------------------------------------
// Training and evaluation

#define VALIDATED                                                                      \
    "--tuning off --log-freq 1 --sample-freq 2 --save-freq 2 --val-freq 1 "

static void test_training(void **state)
{
    (void)state;
    command_need_device();
    command_make_data();
    assert_int_equal(command_shell("cp -r pairs two; cp -r two/test two/val"), 0);
    RUN(0, "train --data two --out straight " SMALL VALIDATED "--steps 10");
    command_check_has(command_out, "report: straight/report.html");
    RUN(0, "train --data two --out parts " SMALL VALIDATED "--steps 6");
    command_check_file("parts/report.html", true);
    RUN(0, "train --out parts --continue --steps 10");
    assert_int_equal(
        command_shell("cmp straight/report/validation.json parts/report/validation.json"
                      " && cmp straight/report/run.json parts/report/run.json"),
        0);
    char *path = command_file("parts/report.html"), *page = command_read(path);
    json_t *data = data_of(page, "page-data");
    assert_int_equal(command_number_at(data, "step"), 10);
    assert_true(json_is_true(json_object_get(data, "has_val")));
    json_decref(data);
    data = data_of(page, "gallery-data");
    assert_int_equal(command_number_at(data, "pairs"), 2);
    assert_int_equal(json_array_size(json_object_get(data, "shown")), 2);
    json_decref(data);
    data = data_of(page, "run-data");
    assert_int_equal(json_array_size(json_object_get(data, "devices")), 1);
    json_decref(data);
    mem_free(page);
    mem_free(path);

    // Without the data, and with a page that cannot be replaced.
    RUN(0, "report straight --output first.html");
    assert_int_equal(command_shell("mv two moved"), 0);
    RUN(0, "report straight --output second.html");
    assert_int_equal(command_shell("mv moved two; sed 's/\"has_val\":true/\"has_val\":"
                                   "false/' first.html | cmp - second.html"),
                     0);
    assert_int_equal(command_shell("rm parts/report.html; mkdir parts/report.html"), 0);
    RUN(0, "train --out parts --continue --steps 12");
    command_check_has(command_err, "warning: report: parts/report.html is not written");

    RUN(0, "evaluate --model straight --data two --tuning off --report page.html");
    command_check_has(command_out, "report: page.html");
    path = command_file("page.html");
    page = command_read(path);
    data = data_of(page, "gallery-data");
    assert_int_equal(json_array_size(json_object_get(data, "shown")), 2);
    json_decref(data);
    data = data_of(page, "page-data");
    assert_int_equal(
        json_array_size(json_object_get(json_object_get(data, "evaluation"), "totals")),
        5);
    json_decref(data);
    RUN(2, "evaluate --model straight --data two --report page.png");
    mem_free(page);
    mem_free(path);
}

// A page says which outputs it shows: how the checkpoint was chosen, what it is, and
// how it was used.
static void test_outputs(void **state)
{
    static const struct {
        const char *model, *chosen, *file, *mode;
        int step;
        bool average;
    } cases[] = {
        { "keeps", "newest", "step-00000008.safetensors", "stable", 8, true },
        { "keeps --checkpoint newest", "newest", "step-00000008.safetensors", "stable",
          8, true },
        { "keeps --checkpoint best --mode paper", "best", "best.safetensors", "paper",
          0, true },
        { "keeps --checkpoint 4 --mode running", NULL, "step-00000004.safetensors",
          "running", 4, true },
        { "keeps/checkpoints/step-00000004.safetensors --no-ema", NULL,
          "step-00000004.safetensors", "stable", 4, false },
        { "bare.pth", NULL, "bare.pth", "stable", -1, false },
    };
    (void)state;
    command_need_device();
    RUN(0, "train --data two --out keeps " SMALL "--depth 2 --steps 8 --save-freq 4 "
           "--ema 0.5 --best l1 --tuning off");
    RUN(0, "convert keeps bare.pth");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        RUN(0, "evaluate --data two --tuning off --report page.html --model %s",
            cases[i].model);
        char *path = command_file("page.html"), *page = command_read(path);
        json_t *data = data_of(page, "page-data");
        const json_t *e = json_object_get(data, "evaluation");
        const json_t *chosen = json_object_get(e, "chosen"),
                     *step = json_object_get(e, "step");
        assert_true(!cases[i].chosen == !chosen);
        if (chosen)
            assert_string_equal(json_string_value(chosen), cases[i].chosen);
        assert_string_equal(json_string_value(json_object_get(e, "file")),
                            cases[i].file);
        assert_string_equal(json_string_value(json_object_get(e, "mode")),
                            cases[i].mode);
        assert_true(json_is_true(json_object_get(e, "average")) == cases[i].average);
        assert_true((cases[i].step >= 0) == (step != NULL));
        if (cases[i].step > 0)
            assert_int_equal(json_integer_value(step), cases[i].step);
        json_decref(data);
        mem_free(page);
        mem_free(path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),     cmocka_unit_test(test_thin),
        cmocka_unit_test(test_samples),  cmocka_unit_test(test_base64),
        cmocka_unit_test(test_page),     cmocka_unit_test(test_lacking),
        cmocka_unit_test(test_training), cmocka_unit_test(test_outputs),
    };
    return cmocka_run_group_tests(tests, command_open, command_close);
}
