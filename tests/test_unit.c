// SPDX-License-Identifier: MIT
//
// The channels of each pixel as a vector of length 1: against the reference, zeros and
// small numbers, the gradient, both ways through slices.

#include "support/reference_features.h"
#include "support/unary.h"

#include <math.h>

static struct tensor *build(struct graph *g, struct tensor *x, const void *a)
{
    (void)a;
    return graph_unit(g, x);
}

static void forward(const void *a, struct shape s, const double *x, double *y)
{
    (void)a;
    reference_unit_forward(s, x, y);
}

static void backward(const void *a, struct shape s, const double *x, const double *dy,
                     double *dx)
{
    (void)a;
    reference_unit_backward(s, x, dy, dx);
}

static void run_case(struct shape s)
{
    // What of dy is along x cancels: all of it where there is one channel.
    const struct tolerance difference = { "difference", 2e-5, 5e-6, 5e-7 };
    const struct unary u = {
        s, s, NULL, NULL, build, forward, backward, &TOLERANCE_ELEMENTWISE, &difference,
    };
    unary_check(&u, "unit");
}

static void test_reference(void **state)
{
    (void)state;
    static const struct shape shapes[] = {
        { 1, 1, 1, 1 }, { 1, 3, 5, 7 },   { 3, 2, 4, 9 },
        { 2, 5, 1, 3 }, { 2, 3, 33, 65 }, { 1, 512, 2, 1 },
    };
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++)
        run_case(shapes[i]);
}

// Pixels of zeros, of one channel, and of numbers whose squares are as small as floats
// can be: nothing becomes infinite or NaN.
static void test_zeros(void **state)
{
    (void)state;
    const struct shape s = { 1, 2, 1, 4 };
    const float x[] = { 0, 3, 1e-18f, -1e15f, 0, 0, 1e-18f, 1e15f };
    float y[8], dx[8];
    struct harness h;
    harness_begin(&h);
    struct tensor *t = harness_weight(&h, "x", s, x);
    struct tensor *unit = graph_unit(h.graph, t);
    harness_keep(&h, unit);
    graph_backward(h.graph, graph_gan_loss(h.graph, unit, LOSS_KIND_MEAN, 8.0f),
                   h.weights);
    harness_run(&h);
    harness_read(&h, unit, y);
    harness_read_gradient(&h, t, dx);
    harness_end(&h);
    assert_true(y[0] == 0 && y[4] == 0 && dx[0] == 0 && dx[4] == 0);
    assert_true(fabsf(y[1] - 1) < 1e-6f && y[5] == 0);
    // Below epsilon a vector is divided by epsilon.
    assert_true(fabsf(y[2] - 1e-8f) < 1e-9f && fabsf(y[6] - 1e-8f) < 1e-9f);
    assert_true(fabsf(y[3] + 0.70711f) < 1e-4f && fabsf(y[7] - 0.70711f) < 1e-4f);
    for (size_t i = 0; i < 8; i++)
        assert_true(isfinite(dx[i]));
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
    return graph_concat(g, graph_unit(g, joint), graph_unit(g, part));
}

static void test_gradient(void **state)
{
    (void)state;
    gradient_check(
        &(struct gradient_options){ .name = "unit", .build = build_gradient });
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        check_test(test_reference),
        check_test(test_zeros),
        check_test(test_gradient),
    };
    return cmocka_run_group_tests(tests, test_gpu_open, test_gpu_close);
}
