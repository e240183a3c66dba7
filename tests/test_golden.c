// SPDX-License-Identifier: MIT
//
// The formulas that the engine's tests share with PyTorch give the same numbers here as
// there, and a wrong output is distinguished from a right one.

#include "support/golden.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "support/gpu.h"

static void check_digits(uint64_t value, const char *expected)
{
    char text[17];
    snprintf(text, sizeof(text), "%016" PRIx64, value);
    assert_string_equal(text, expected);
}

static void test_formulas(void **state)
{
    (void)state;
    json_t *f = golden_read("formulas.json");
    const uint64_t seed = golden_hash("G.model.model.0.weight");
    check_digits(seed, golden_text(f, "fnv1a"));
    for (size_t i = 0; i < 3; i++)
        check_digits(
            golden_splitmix(seed, i),
            json_string_value(json_array_get(json_object_get(f, "splitmix64"), i)));

    const struct shape s = golden_shape(f, "input_shape");
    const size_t stride = golden_count(f, "input_stride");
    float *x = check_floats(s);
    golden_input(s, x);
    for (size_t i = 0; i * stride < shape_count(s); i++)
        assert_true((double)x[i * stride] == golden_element(f, "input", i));

    float w[70];
    double sketch[GOLDEN_SKETCH], expected[GOLDEN_SKETCH];
    assert_int_equal(json_array_size(json_object_get(f, "weight")), ARRAY_LEN(w));
    golden_weight(golden_text(f, "weight_name"), ARRAY_LEN(w),
                  golden_number(f, "weight_scale"), golden_number(f, "weight_offset"),
                  w);
    for (size_t i = 0; i < ARRAY_LEN(w); i++)
        assert_true((double)w[i] == golden_element(f, "weight", i));
    assert_int_equal(golden_sketch(w, ARRAY_LEN(w), sketch), GOLDEN_SKETCH);
    for (size_t i = 0; i < GOLDEN_SKETCH; i++)
        expected[i] = golden_element(f, "sketch", i);
    assert_true(golden_distance(ARRAY_LEN(w), sketch, expected) < 1e-12);
    json_decref(f);
}

// A sketch tells how far two tensors are from one another.
static void test_sketch(void **state)
{
    enum { COUNT = 5000 };
    static float a[COUNT], b[COUNT];
    double of_a[GOLDEN_SKETCH], of_b[GOLDEN_SKETCH];
    (void)state;
    golden_weight("a", COUNT, 1, 0, a);
    golden_weight("b", COUNT, 0.001, 0, b);
    double distance = 0;
    for (size_t i = 0; i < COUNT; i++) {
        b[i] += a[i];
        distance += pow((double)b[i] - (double)a[i], 2);
    }
    golden_sketch(a, COUNT, of_a);
    golden_sketch(b, COUNT, of_b);
    const double ratio = golden_distance(COUNT, of_a, of_b) / sqrt(distance);
    assert_true(ratio > 0.7 && ratio < 1.3);

    // Small tensors are compared element by element.
    assert_int_equal(golden_sketch(a, 3, of_a), 3);
    memcpy(of_b, of_a, sizeof(of_b));
    of_b[1] += 0.25;
    assert_true(fabs(golden_distance(3, of_a, of_b) - 0.25) < 1e-12);
}

// Every case has a file and an output of the right size.
static void test_forward_fixtures(void **state)
{
    (void)state;
    json_t *cases = golden_read("forward/cases.json");
    struct safetensors *outputs =
        safetensors_open(TEST_GOLDEN "/forward/outputs.safetensors");
    assert_non_null(outputs);
    assert_true(json_array_size(cases) > 30);
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *c = json_array_get(cases, i);
        const struct shape s = golden_shape(c, "output");
        const uint32_t stride = golden_count(c, "stride");
        char path[512];
        uint64_t count;
        golden_floats(outputs, golden_text(c, "name"), &count);
        assert_int_equal(count, (shape_count(s) + stride - 1) / stride);
        snprintf(path, sizeof(path), "%s/forward/%s", TEST_GOLDEN,
                 golden_text(c, "file"));
        assert_true(file_exists(path));
    }
    safetensors_close(outputs);
    json_decref(cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        check_test(test_formulas),
        check_test(test_sketch),
        check_test(test_forward_fixtures),
    };
    return cmocka_run_group_tests(tests, test_log_setup, NULL);
}
