// SPDX-License-Identifier: MIT
//
// Three channels by constants of their own: against the reference, the gradient, both
// ways through slices, another number of channels.

#include "support/reference_features.h"
#include "support/unary.h"

#include <string.h>

#include "base/log.h"

static const struct affine_attributes constants = { { 2.25f, -0.5f, 1.0f },
                                                    { 0.125f, 0.0f, -3.0f } };

static struct tensor *build(struct graph *g, struct tensor *x, const void *a)
{
    return graph_affine(g, x, a);
}

static void forward(const void *a, struct shape s, const double *x, double *y)
{
    reference_affine_forward(a, s, x, y);
}

static void backward(const void *a, struct shape s, const double *x, const double *dy,
                     double *dx)
{
    (void)x;
    reference_affine_backward(a, s, dy, dx);
}

static void run_case(struct shape s)
{
    const struct unary u = {
        s,
        s,
        NULL,
        &constants,
        build,
        forward,
        backward,
        &TOLERANCE_ELEMENTWISE,
        &TOLERANCE_ELEMENTWISE,
    };
    unary_check(&u, "affine");
}

static void test_reference(void **state)
{
    (void)state;
    static const struct shape shapes[] = {
        { 1, 3, 1, 1 }, { 1, 3, 5, 7 }, { 3, 3, 4, 9 }, { 2, 3, 33, 65 }
    };
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++)
        run_case(shapes[i]);
}

static void test_channels(void **state)
{
    (void)state;
    struct harness h;
    harness_begin_without_device(&h);
    struct tensor *x = harness_input(&h, "x", (struct shape){ 1, 4, 5, 8 }, NULL);
    const struct log_sink *sink = log_use(NULL);
    assert_null(graph_affine(h.graph, x, &constants));
    log_use(sink);
    assert_non_null(strstr(log_last_error(), "1x4x5x8"));
    harness_end(&h);
}

// Input, output and their gradients are slices of other tensors.
static struct tensor *build_gradient(struct harness *h, void *user)
{
    (void)user;
    struct graph *g = h->graph;
    const struct shape s = { 2, 3, 3, 5 };
    struct random r;
    random_init(&r, 8, 8);
    struct tensor *w = harness_weight(h, "x", s, check_random_floats(&r, s));
    struct tensor *part = graph_tanh(g, w);
    struct tensor *joint = graph_concat(g, graph_scale(g, w, 2.0f), part);
    return graph_concat(g, graph_affine(g, part, &constants), joint);
}

static void test_gradient(void **state)
{
    (void)state;
    gradient_check(
        &(struct gradient_options){ .name = "affine", .build = build_gradient });
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        check_test(test_reference),
        check_test(test_channels),
        check_test(test_gradient),
    };
    return cmocka_run_group_tests(tests, test_gpu_open, test_gpu_close);
}
