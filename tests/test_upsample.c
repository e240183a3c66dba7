// SPDX-License-Identifier: MIT
//
// Upsampling by repetition, exactly; the gradient of an element is the sum over its
// square; both ways through slices.

#include "support/reference.h"
#include "support/unary.h"

#include <math.h>
#include <string.h>

#include "base/log.h"

static struct tensor *build(struct graph *g, struct tensor *x, const void *a)
{
    (void)a;
    return graph_upsample(g, x);
}

static void forward(const void *a, struct shape s, const double *x, double *y)
{
    (void)a;
    reference_upsample_forward(s, x, y);
}

static void backward(const void *a, struct shape s, const double *x, const double *dy,
                     double *dx)
{
    (void)a;
    (void)x;
    reference_upsample_backward(s, dy, dx);
}

static void run_case(struct shape s)
{
    const struct unary u = {
        s,
        { s.n, s.c, 2 * s.h, 2 * s.w },
        NULL,
        NULL,
        build,
        forward,
        backward,
        &TOLERANCE_EXACT,
        &TOLERANCE_ELEMENTWISE,
    };
    unary_check(&u, "upsample");
}

static void test_reference(void **state)
{
    (void)state;
    static const struct shape shapes[] = {
        { 1, 1, 1, 1 }, { 1, 3, 5, 7 },   { 3, 2, 4, 9 },
        { 2, 5, 1, 3 }, { 2, 3, 33, 65 }, { 1, 130, 2, 1 },
    };
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++)
        run_case(shapes[i]);
}

// Input, output and their gradients are slices of other tensors.
static struct tensor *build_slices(struct harness *h, void *user)
{
    (void)user;
    struct graph *g = h->graph;
    const struct shape s = { 2, 2, 3, 5 };
    struct random r;
    random_init(&r, 8, 8);
    float *x = check_random_floats(&r, s);
    struct tensor *w = harness_weight(h, "x", s, x);
    struct tensor *part = graph_tanh(g, w);
    struct tensor *joint = graph_concat(g, graph_scale(g, w, 2.0f), part);
    return graph_concat(g, graph_upsample(g, joint), graph_upsample(g, part));
}

static void test_slices(void **state)
{
    (void)state;
    struct harness h;
    harness_begin(&h);
    struct tensor *y = build_slices(&h, NULL);
    harness_keep(&h, y);
    harness_keep(&h, graph_scale(h.graph, y, 1.0f));
    harness_prepare(&h);
    for (size_t i = 0; i < graph_call_count(h.graph); i++)
        assert_true(graph_call(h.graph, i)->shader != SHADER_CONCAT);
    const struct shape s = { 2, 2, 3, 5 }, out = { 2, 6, 6, 10 };
    float *w = check_floats(s), *actual = check_floats(out);
    double *expected = check_doubles(out);
    harness_run(&h);
    harness_read(&h, &h.weights->items[0]->value, w);
    harness_read(&h, y, actual);
    harness_end(&h);
    for (size_t i = 0; i < shape_count(out); i++) {
        size_t q = i % 10 / 2, row = i / 10 % 6 / 2, c = i / 60 % 6, n = i / 360;
        double v = (double)w[((n * 2 + c % 2) * 3 + row) * 5 + q];
        expected[i] = c < 2 ? 2 * v : tanh(v);
    }
    check_case("upsample of slices");
    check_array("y", actual, expected, out, &TOLERANCE_ELEMENTWISE);
    gradient_check(&(struct gradient_options){ .name = "upsample of slices",
                                               .build = build_slices });
}

static void test_too_large(void **state)
{
    (void)state;
    struct harness h;
    harness_begin_without_device(&h);
    struct tensor *x =
        graph_input(h.graph, "x", (struct shape){ 1, 1, 32768, 32769 }, TENSOR_F32);
    const struct log_sink *sink = log_use(NULL);
    assert_null(graph_upsample(h.graph, x));
    log_use(sink);
    assert_true(graph_failed(h.graph));
    assert_non_null(strstr(log_last_error(), "1x1x32768x32769"));
    harness_end(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        check_test(test_reference),
        check_test(test_slices),
        check_test(test_too_large),
    };
    return cmocka_run_group_tests(tests, test_gpu_open, test_gpu_close);
}
