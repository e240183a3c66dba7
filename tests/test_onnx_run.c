// SPDX-License-Identifier: MIT
//
// ONNX Runtime computes the same as the engine. Models are written from graphs of one
// size and run at another. PIX_TEST_ONNXRUNTIME is the folder of the npm package
// onnxruntime-web, which needs `node`; without it the test is skipped.

#include "store/onnx_export.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/mem.h"
#include "support/gpu.h"
#include "support/onnx_cases.h"
#include "support/tree.h"

#define SCRATCH "test_onnx_run.scratch"

static const char *runtime;

static int setup(void **state)
{
    runtime = getenv("PIX_TEST_ONNXRUNTIME");
    if (!runtime || !runtime[0]) {
        printf("skipped: PIX_TEST_ONNXRUNTIME does not name the npm package "
               "onnxruntime-web\n");
        exit(TEST_SKIPPED);
    }
    return file_make_folder(SCRATCH) ? test_gpu_open(state) : -1;
}

static int teardown(void **state)
{
    test_remove_tree(SCRATCH "/model.onnx");
    test_remove_tree(SCRATCH "/in");
    test_remove_tree(SCRATCH "/out");
    test_remove_tree(SCRATCH "/log");
    return test_gpu_close(state);
}

// The output of ONNX Runtime for x; caller frees.
static float *run_model(struct shape in, const float *x, struct shape out)
{
    char command[2048], sides[SHAPE_TEXT_SIZE], expected[SHAPE_TEXT_SIZE + 1];
    void *data, *log;
    size_t size;
    assert_true(file_write(SCRATCH "/in", x, (size_t)shape_count(in) * 4));
    snprintf(command, sizeof(command),
             "env -u LD_PRELOAD node '%s/onnx_run.mjs' '%s' " SCRATCH
             "/model.onnx " SCRATCH "/in " SCRATCH "/out %u %u %u %u >" SCRATCH
             "/log 2>&1",
             TEST_SUPPORT, runtime, in.n, in.c, in.h, in.w);
    const int status = system(command);
    assert_true(file_read(SCRATCH "/log", &log, &size));
    if (status != 0)
        fail_msg("ONNX Runtime failed:\n%s", (char *)log);
    shape_text(out, sides);
    snprintf(expected, sizeof(expected), "%s\n", sides);
    assert_string_equal(log, expected);
    mem_free(log);
    assert_true(file_read(SCRATCH "/out", &data, &size));
    assert_int_equal(size, shape_count(out) * 4);
    return data;
}

// Filters that carry a signal, vectors that are neither zero nor one.
static bool weight_values(void *user, const struct weight *w, float *values)
{
    (void)user;
    return tensor_download(test_gpu(), &w->value, values);
}

static void fill_weight(struct weight *w, struct random *r)
{
    float *values = check_random_floats(r, w->value.shape);
    for (uint64_t i = 0; i < shape_count(w->value.shape); i++) {
        if (w->kind == WEIGHT_CONV || w->kind == WEIGHT_CONV_TRANSPOSE)
            values[i] *= 0.2f;
        if (w->kind == WEIGHT_RUNNING_VARIANCE)
            values[i] = 0.1f + fabsf(values[i]);
    }
    assert_true(tensor_upload(test_gpu(), &w->value, values));
}

static void check_case_of(const struct onnx_case *c)
{
    struct harness h;
    struct random r;
    check_case("%s", c->name);
    harness_begin(&h);
    random_init(&r, 7, shape_count(c->run));
    float *data = check_random_floats(&r, c->run);
    struct tensor *x = harness_input(&h, "x", c->run, data);
    struct tensor *y = c->build(c, h.graph, h.weights, x);
    assert_false(graph_failed(h.graph));
    harness_keep(&h, y);
    harness_prepare(&h);
    for (size_t i = 0; i < h.weights->count; i++)
        fill_weight(h.weights->items[i], &r);
    harness_run(&h);
    float *actual = check_floats(y->shape);
    harness_read(&h, y, actual);

    struct onnx_network n = onnx_build(c, h.weights);
    assert_true(
        onnx_export_write(SCRATCH "/model.onnx", n.graph, n.input, n.output,
                          &(struct onnx_description){ "G", "test", "stable", "y", 1 },
                          weight_values, NULL));
    graph_destroy(n.graph);
    float *expected = run_model(c->run, data, y->shape);

    double largest = 0.0, off = 0.0;
    for (size_t i = 0; i < shape_count(y->shape); i++) {
        largest = fmax(largest, fabs((double)expected[i]));
        off = fmax(off, fabs((double)actual[i] - (double)expected[i]));
        assert_false(isnan(actual[i]) || isnan(expected[i]));
    }
    print_message("%s: off by %.2g of %.2g at most\n", c->name, off, largest);
    assert_true(largest > 1e-3);
    assert_true(off <= 1e-4 * largest);
    mem_free(expected);
    harness_end(&h);
}

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < onnx_case_count; i++)
        check_case_of(&onnx_cases[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        check_test(test_cases),
    };
    return cmocka_run_group_tests_name("onnx_run", tests, setup, teardown);
}
