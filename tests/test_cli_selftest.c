// SPDX-License-Identifier: MIT
//
// The self-test from the command line: its table, its document, and its exit codes.

#include "support/command.h"

#include <string.h>

static void test_table(void **state)
{
    (void)state;
    command_need_device();
    RUN(0, "selftest --only simple");
    command_check_has(command_out, "pix2pix ");
    command_check_has(command_out, "driver ");
    command_check_has(command_out, "  simple                     ok   ok   ok ");
    command_check_has(command_out, " tests passed in ");
}

static void test_alarm(void **state)
{
    (void)state;
    command_need_device();
    RUN(1, "selftest --only direct-32x1-4x1 --corrupt direct-32x1-4x1");
    command_check_has(command_out, "  direct-32x1-4x1            FAIL FAIL FAIL ");
    command_check_has(command_out, "1 of ");
    command_check_has(command_out, " tests FAILED in ");
    command_check_has(command_out, ": --corrupt direct-32x1-4x1 is to show that");
    command_check_has(command_err, "error: direct-32x1-4x1, input gradient, f32: ");
    // No device has this kernel for gradients of weights.
    RUN(0, "selftest --only vector-8-8");
    command_check_has(command_out, " are not for this device (-)");
}

static void test_operation_alarm(void **state)
{
    (void)state;
    command_need_device();
    RUN(1, "selftest --only SGD --corrupt SGD");
    command_check_has(command_out, "Other operations, compared with PyTorch");
    command_check_has(command_out, "  SGD, f32");
    command_check_has(command_out, "1 of 1 tests FAILED in ");
    command_check_has(command_err, "error: SGD, f32: weight: number 0 is ");
}

static void test_document(void **state)
{
    (void)state;
    command_need_device();
    RUN(1, "selftest --only direct-32x1- --corrupt direct-32x1-4x1 --json");
    json_t *document = command_parse(command_out);
    const json_t *rows = json_object_get(document, "rows");
    const json_t *device = json_object_get(document, "device");
    assert_true(json_is_true(json_object_get(document, "complete")));
    assert_true(command_number_at(document, "failed") >= 3);
    assert_true(command_number_at(document, "passed") == 0);
    assert_non_null(json_string_value(json_object_get(document, "version")));
    assert_non_null(json_string_value(json_object_get(document, "system")));
    assert_non_null(json_string_value(json_object_get(device, "name")));
    assert_non_null(json_string_value(json_object_get(device, "driver_version")));
    assert_true(json_array_size(rows) >= 3);
    const json_t *row = json_array_get(rows, 0);
    assert_string_equal(json_string_value(json_object_get(row, "outcome")), "failed");
    assert_string_equal(json_string_value(json_object_get(row, "part")), "convolution");
    assert_string_equal(json_string_value(json_object_get(row, "direction")),
                        "forward");
    assert_non_null(json_string_value(json_object_get(row, "text")));
    json_decref(document);
}

// A kernel that is not among what is tested raises no alarm, which is no good sign.
static void test_nothing_corrupted(void **state)
{
    (void)state;
    command_need_device();
    RUN(1, "selftest --only rounding --corrupt simple");
    command_check_has(command_err,
                      "\"simple\" was not run, so that nothing was corrupted");
    RUN(1, "selftest --only direct-32x1-4x1 --corrupt SGD");
    command_check_has(command_err, "\"SGD\" was not run");
}

static void test_refused(void **state)
{
    (void)state;
    command_need_device();
    RUN(1, "selftest --only nothing");
    command_check_has(command_err, "\"nothing\" is neither a part");
    RUN(2, "selftest now");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        check_test(test_table),
        check_test(test_alarm),
        check_test(test_operation_alarm),
        check_test(test_document),
        check_test(test_nothing_corrupted),
        check_test(test_refused),
    };
    return cmocka_run_group_tests(tests, command_open, command_close);
}
