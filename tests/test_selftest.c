// SPDX-License-Identifier: MIT
//
// The self-test: that it passes on a device that is right, and that it sees what is
// wrong: one bit, a number that is missing, arithmetic of less precision.

#include "support/gpu.h"

#include "base/log.h"
#include "ops/conv_variant.h"
#include "selftest/product_case.h"
#include "selftest/selftest.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

// ---------------------------------------------------------------------------
// What counts as wrong

static const struct conv_shape shape = { CONV_FORWARD, { 2, 5, 6, 7 }, 4, 4, 2, 1 };

// The result of a device that is right, in the format of a direction.
static void *right_result(const struct product_case *c, enum conv_direction direction,
                          enum product_data data)
{
    const struct product_roles roles = product_case_roles(c, direction);
    const struct product_numbers *side = &c->sides[roles.out];
    const size_t count = (size_t)shape_count(side->shape);
    float *values = check_memory(count * sizeof(values[0]));
    void *result = check_memory(count * sizeof(values[0]));
    for (size_t i = 0; i < count; i++)
        values[i] = (float)side->result[data][i];
    product_case_encode(values, count, roles.out_format, result);
    return result;
}

static void check_direction(const struct product_case *c, enum conv_direction direction)
{
    const struct product_roles roles = product_case_roles(c, direction);
    const uint64_t count = shape_count(c->sides[roles.out].shape);
    const uint32_t size = tensor_element_bytes(roles.out_format);
    char text[PRODUCT_TEXT_SIZE];
    double error = 0;
    void *exact = right_result(c, direction, PRODUCT_EXACT);
    void *rounded = right_result(c, direction, PRODUCT_ROUNDED);
    assert_true(product_case_check(c, direction, PRODUCT_EXACT, exact, &error, text));
    assert_true(error == 0);
    assert_true(
        product_case_check(c, direction, PRODUCT_ROUNDED, rounded, &error, text));
    assert_true(error <= 1);

    // One bit, and a number that was never written.
    unsigned char *bytes = exact;
    bytes[(count - 1) * size] ^= 1;
    assert_false(product_case_check(c, direction, PRODUCT_EXACT, exact, &error, text));
    assert_non_null(strstr(text, ": 1 of "));
    bytes[(count - 1) * size] ^= 1;
    product_case_erase(1, roles.out_format, exact);
    assert_false(product_case_check(c, direction, PRODUCT_EXACT, exact, &error, text));
    assert_non_null(strstr(text, "number 0 is "));
    product_case_erase(1, roles.out_format, rounded);
    assert_false(
        product_case_check(c, direction, PRODUCT_ROUNDED, rounded, &error, text));
}

static void test_comparison(void **state)
{
    (void)state;
    static const enum tensor_format formats[] = { TENSOR_F32, TENSOR_F16, TENSOR_BF16 };
    for (size_t f = 0; f < ARRAY_LEN(formats); f++) {
        struct product_case c;
        assert_true(product_case_init(&c, &shape, formats[f], true));
        for (int d = 0; d < 3; d++)
            check_direction(&c, (enum conv_direction)d);
        product_case_finish(&c);
    }
}

// What a device makes that multiplies floats in 16 bits is wrong, though the exact
// operands do not show it.
static void test_precision(void **state)
{
    (void)state;
    struct product_case c, half;
    char text[PRODUCT_TEXT_SIZE];
    double error = 0;
    assert_true(product_case_init(&c, &shape, TENSOR_F32, true));
    assert_true(product_case_init(&half, &shape, TENSOR_F16, true));
    const void *same = right_result(&half, CONV_BACKWARD_WEIGHT, PRODUCT_EXACT);
    const void *less = right_result(&half, CONV_BACKWARD_WEIGHT, PRODUCT_ROUNDED);
    assert_true(product_case_check(&c, CONV_BACKWARD_WEIGHT, PRODUCT_EXACT, same,
                                   &error, text));
    assert_false(product_case_check(&c, CONV_BACKWARD_WEIGHT, PRODUCT_ROUNDED, less,
                                    &error, text));
    product_case_finish(&c);
    product_case_finish(&half);
}

// ---------------------------------------------------------------------------
// On the device

struct seen {
    uint32_t rows, failed, skipped, stops, most;
    char failure[512];
    double step;    // milliseconds of a training step
    bool parts[PIX_SELFTEST_SPEED + 1];
};

static bool see(void *user, const struct pix_selftest_row *row)
{
    struct seen *s = user;
    assert_non_null(row->name);
    assert_non_null(row->direction);
    assert_non_null(row->precision);
    assert_non_null(row->unit);
    assert_int_equal(!*row->text,
                     row->outcome == PIX_SELFTEST_PASSED);    // no flushing here
    assert_true(row->error >= 0 && row->error <= 1);
    assert_true(row->cases > 0 || row->outcome == PIX_SELFTEST_SKIPPED);
    if (row->part == PIX_SELFTEST_SPEED && row->outcome == PIX_SELFTEST_PASSED)
        assert_true(row->value > 0 && *row->unit);
    if (strcmp(row->name, "training step, 64 px, 1 image") == 0) {
        assert_int_equal(row->part, PIX_SELFTEST_SPEED);
        assert_string_equal(row->unit, "ms");
        if (strcmp(row->precision, "f32") == 0)
            s->step = row->value;
    }
    s->rows++;
    s->failed += row->outcome == PIX_SELFTEST_FAILED;
    s->skipped += row->outcome == PIX_SELFTEST_SKIPPED;
    s->parts[row->part] = true;
    if (row->outcome == PIX_SELFTEST_FAILED)
        snprintf(s->failure, sizeof(s->failure), "%s, %s, %s: %s", row->name,
                 row->direction, row->precision, row->text);
    return true;
}

static bool stop(void *user)
{
    struct seen *s = user;
    return s->stops++ >= s->most;
}

static bool run(const char *only, const char *corrupt, struct seen *s,
                struct pix_selftest_result *result)
{
    *s = (struct seen){ .most = UINT32_MAX };
    const struct pix_selftest_options options = {
        .only = only, .corrupt = corrupt, .row = see, .stop = stop, .user = s
    };
    const bool ok = selftest_run(test_gpu(), 0.2, &options, result);
    assert_int_equal(result->passed + result->failed + result->skipped,
                     s->parts[PIX_SELFTEST_SPEED] ? 0 : s->rows);
    return ok;
}

// What is quick on every device; tests of kernels and steps have the rest.
static void test_passes(void **state)
{
    (void)state;
    static const char *const only[] = { "simple", "rounding", "split",    "vector-64-4",
                                        "step",   "dropout",  "operation" };
    struct seen s;
    struct pix_selftest_result result;
    for (size_t i = 0; i < ARRAY_LEN(only); i++) {
        assert_true(run(only[i], NULL, &s, &result));
        if (s.failed)
            fail_msg("%s", s.failure);
        // The others need 16-bit storage, or more texels than any device has.
        if (i % 2 == 0)
            assert_true(s.rows > s.skipped);
        assert_int_equal(result.failed, 0);
    }
    assert_true(run("speed", NULL, &s, &result));
    assert_true(s.parts[PIX_SELFTEST_SPEED]);
    assert_true(s.step > 0);
}

static void test_alarm(void **state)
{
    (void)state;
    struct seen s;
    struct pix_selftest_result result;
    assert_true(run("direct-32x1-4x1", "direct-32x1-4x1", &s, &result));
    assert_true(result.failed > 0);
    assert_int_equal(result.passed, 0);
    assert_non_null(strstr(s.failure, "direct-32x1-4x1, weight gradient, "));
    // What was not run was not corrupted, which is an error: nothing was shown.
    const struct log_sink *sink = log_use(NULL);
    assert_false(run("direct-32x16-8x8", "direct-32x1-4x1", &s, &result));
    assert_non_null(strstr(log_last_error(), "\"direct-32x1-4x1\" was not run"));
    log_use(sink);
    assert_int_equal(result.failed, 0);
}

// Each operation is compared: what is wrong with one is seen, and with no other.
static void test_operations_alarm(void **state)
{
    (void)state;
    static const char *const names[] = { "softmax",      "cross entropy",
                                         "dropout",      "dropout after a norm",
                                         "SGD",          "moving average",
                                         "augmentation", "LPIPS distance" };
    struct seen all, s;
    struct pix_selftest_result result;
    assert_true(run("operation", NULL, &all, &result));
    assert_int_equal(result.failed, 0);
    uint32_t rows = 0;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        assert_true(run("operation", names[i], &s, &result));
        assert_int_equal(s.rows, all.rows);
        assert_true(result.failed > 0);
        assert_memory_equal(s.failure, names[i], strlen(names[i]));
        assert_non_null(strstr(s.failure, "number 0 is "));
        assert_non_null(strstr(s.failure, ", PyTorch has "));
        rows += s.failed;
    }
    assert_int_equal(rows, all.rows);
}

static void test_ends(void **state)
{
    (void)state;
    struct seen s = { .most = 3 };    // after the host, the compiler and a kernel
    struct pix_selftest_result result;
    const struct pix_selftest_options options = {
        .only = "simple", .row = see, .stop = stop, .user = &s
    };
    const struct log_sink *sink = log_use(NULL);
    assert_false(selftest_run(test_gpu(), 0.2, &options, &result));
    assert_int_equal(result.passed, 1);
    assert_false(run("simpler", NULL, &s, &result));
    assert_non_null(strstr(log_last_error(), "\"simpler\" is neither a part"));
    assert_false(run("simple", "simpl", &s, &result));
    assert_non_null(strstr(log_last_error(), "\"simpl\" is neither a kernel"));
    log_use(sink);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        check_test(test_comparison),       check_test(test_precision),
        check_test(test_passes),           check_test(test_alarm),
        check_test(test_operations_alarm), check_test(test_ends),
    };
    return cmocka_run_group_tests(tests, test_gpu_open, test_gpu_close);
}
