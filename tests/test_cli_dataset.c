// SPDX-License-Identifier: MIT
//
// The command dataset: its exit codes, what it prints as text and as JSON, and what it
// writes. The pairs of the examples have neither errors nor
// warnings.

#include "support/command.h"

#include <stdio.h>
#include <string.h>

static void make_set(const char *name)
{
    assert_int_equal(
        command_shell("mkdir %s && cp \"$X\"/satellite/*.jpg %s", name, name), 0);
}

static double count_of(const json_t *document, const char *kind)
{
    return command_number_at(json_object_get(document, "counts"), kind);
}

static void test_check(void **state)
{
    (void)state;
    RUN(0, "dataset check \"$X\"/earth_sat2map");
    command_check_has(command_out, "112 pairs looked at: 0 errors, 0 warnings, ");
    make_set("set");
    RUN(0, "dataset check set --singles --json");
    json_t *document = command_parse(command_out);
    assert_true(command_number_at(document, "pairs") == 12);
    assert_int_equal(json_array_size(json_object_get(document, "findings")), 0);
    json_decref(document);
    // A name that a terminal would obey.
    assert_int_equal(command_shell("cp set/+0022.5_+05.6.jpg \"set/b\033[31m.jpg\"; "
                                   "echo x >set/c.png"),
                     0);
    RUN(1, "dataset check set --singles --sheet found.png");
    command_check_has(command_out, "error: broken: set/c.png cannot be read: ");
    command_check_has(command_out, "warning: duplicate: set/b\\x1b[31m.jpg is the same "
                                   "as set/+0022.5_+05.6.jpg (row 1)\n");
    command_check_has(command_out,
                      "14 images looked at: 1 error, 1 warning, 0 hints\n");
    command_check_file("found.png", true);
    RUN(1, "dataset check set --singles --json");
    document = command_parse(command_out);
    assert_true(count_of(document, "broken") == 1);
    assert_true(count_of(document, "duplicate") == 1);
    const json_t *one = json_array_get(json_object_get(document, "findings"), 1);
    assert_string_equal(json_string_value(json_object_get(one, "kind")), "duplicate");
    assert_string_equal(json_string_value(json_object_get(one, "level")), "warning");
    assert_string_equal(json_string_value(json_object_get(one, "other")),
                        "set/+0022.5_+05.6.jpg");
    json_decref(document);
    RUN(1, "dataset check set --singles --sheet found.png");
    command_check_has(command_err, "found.png exists already");
    RUN(1, "dataset check set --singles --sheet none/found.png");
    command_check_has(command_out, "14 images looked at: 1 error, 1 warning, 0 hints");
}

static void test_stats(void **state)
{
    (void)state;
    make_set("photos");
    RUN(0, "dataset stats photos --singles");
    command_check_has(command_out, "image: u8, 3 channels, 12 images, ");
    command_check_has(command_out, "from 0 to 255:\n  |");
    RUN(0, "dataset stats photos --singles --json");
    json_t *document = command_parse(command_out);
    const json_t *side = json_array_get(json_object_get(document, "sides"), 0);
    const json_t *channel = json_array_get(json_object_get(side, "channels"), 0);
    double total = 0;
    for (size_t i = 0; i < PIX_HISTOGRAM_BINS; i++)
        total +=
            json_number_value(json_array_get(json_object_get(channel, "histogram"), i));
    assert_true(total == command_number_at(side, "samples"));
    assert_int_equal(json_array_size(json_object_get(channel, "quantiles")),
                     PIX_QUANTILE_COUNT);
    json_decref(document);
    assert_int_equal(command_shell("echo x >photos/c.png"), 0);
    RUN(1, "dataset stats photos --singles");
    command_check_has(command_out, "1 left out");
}

static void test_copies(void **state)
{
    (void)state;
    make_set("a");
    assert_int_equal(command_shell("mkdir -p two/A two/B; cp a/* two/A; cp a/* two/B"),
                     0);
    RUN(0, "dataset combine two --out joined");
    command_check_has(command_out, "joined: 12 pairs written, 0 left out");
    RUN(0, "dataset check joined --json");
    json_t *document = command_parse(command_out);
    assert_true(count_of(document, "equal") == 12);
    json_decref(document);
    RUN(0, "dataset separate joined --out sides --json");
    document = command_parse(command_out);
    assert_true(command_number_at(document, "written") == 12);
    json_decref(document);
    RUN(0, "compare sides/A two/A");    // to the last bit
    command_check_has(command_out, "infinite in 12 of 12 images, which are equal");
    RUN(0, "dataset split joined --split-ratio 1:1:1 --out split --json");
    document = command_parse(command_out);
    assert_true(command_number_at(document, "train") +
                    command_number_at(document, "val") +
                    command_number_at(document, "test") ==
                12);
    json_decref(document);
    RUN(1, "dataset split joined --split-ratio 1:1:1 --out split");
    command_check_has(command_err, "split is not a new or empty folder");
}

static void test_usage(void **state)
{
    (void)state;
    RUN(2, "dataset");
    command_check_has(command_err,
                      "say what to do: check, stats, combine, separate or split");
    RUN(2, "dataset look folder");
    RUN(2, "dataset check");
    command_check_has(command_err, "give a folder, or a list with --pairs");
    RUN(2, "dataset check folder --pairs list.csv");
    RUN(2, "dataset check folder --out other");
    command_check_has(command_err, "--out is for combine, separate and split");
    RUN(2, "dataset combine folder");
    command_check_has(command_err, "name a new folder with --out");
    RUN(2, "dataset stats folder --sheet x.png");
    RUN(2, "dataset check folder --sheet x.jpg");
    RUN(1, "dataset check nowhere");
    command_check_has(command_err, "nowhere does not exist");
    RUN(1, "dataset check folder");
    command_check_has(command_err, "no images in folder");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check),
        cmocka_unit_test(test_stats),
        cmocka_unit_test(test_copies),
        cmocka_unit_test(test_usage),
    };
    return cmocka_run_group_tests(tests, command_open, command_close);
}
