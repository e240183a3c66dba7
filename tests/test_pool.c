// SPDX-License-Identifier: MIT
//
// Max pooling, exactly, with windows that overlap, leave gaps, leave a rest or reach
// over the end; the gradient goes to the first maximum; both ways through slices; NaN
// stays.

#include "support/reference_features.h"
#include "support/unary.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

// Few different values, so that windows have several maxima.
static float *draw(struct random *r, struct shape s)
{
    float *x = check_floats(s);
    for (size_t i = 0; i < shape_count(s); i++)
        x[i] = (float)random_below(r, 5) - 2.0f;
    return x;
}

static struct tensor *build(struct graph *g, struct tensor *x, const void *a)
{
    return graph_pool(g, x, *(const struct pool_attributes *)a);
}

static void forward(const void *a, struct shape s, const double *x, double *y)
{
    reference_pool_forward(*(const struct pool_attributes *)a, s, x, y);
}

static void backward(const void *a, struct shape s, const double *x, const double *dy,
                     double *dx)
{
    reference_pool_backward(*(const struct pool_attributes *)a, s, x, dy, dx);
}

static void run_case(struct pool_attributes a, struct shape s)
{
    char name[64];
    struct random r;
    random_init(&r, 6, shape_count(s));
    const struct unary u = {
        s,
        reference_pool_shape(a, s),
        draw(&r, s),
        &a,
        build,
        forward,
        backward,
        &TOLERANCE_EXACT,
        &TOLERANCE_ELEMENTWISE,
    };
    snprintf(name, sizeof(name), "pool k%u s%u%s", (unsigned)a.kernel,
             (unsigned)a.stride, a.ceil ? " ceil" : "");
    unary_check(&u, name);
}

static void test_reference(void **state)
{
    (void)state;
    static const struct {
        struct pool_attributes a;
        struct shape s;
    } cases[] = {
        // The networks' own: AlexNet, SqueezeNet 1.1, VGG.
        { { 3, 2, false }, { 1, 2, 15, 15 } },
        { { 3, 2, false }, { 3, 3, 8, 7 } },
        { { 3, 2, false }, { 2, 1, 3, 4 } },
        { { 3, 2, true }, { 1, 2, 15, 15 } },
        { { 3, 2, true }, { 3, 3, 8, 6 } },
        { { 3, 2, true }, { 2, 2, 7, 4 } },
        { { 3, 2, true }, { 1, 1, 2, 2 } },
        { { 2, 2, false }, { 2, 3, 8, 6 } },
        { { 2, 2, false }, { 3, 2, 5, 7 } },
        // Odd ones: a pixel, gaps between windows, a last one that would begin behind
        // the end, many windows of an element.
        { { 1, 1, false }, { 1, 1, 1, 1 } },
        { { 2, 3, false }, { 1, 2, 8, 9 } },
        { { 2, 3, true }, { 1, 2, 6, 9 } },
        { { 2, 4, true }, { 1, 1, 7, 6 } },
        { { 5, 1, false }, { 1, 2, 9, 6 } },
        { { 3, 2, true }, { 2, 2, 65, 33 } },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        run_case(cases[i].a, cases[i].s);
}

// Sides as torch.nn.MaxPool2d has them (PyTorch 1.13).
static void test_sides(void **state)
{
    (void)state;
    static const struct {
        uint32_t kernel, stride, side, floor, ceil;
    } sides[] = {
        { 3, 2, 1, 0, 0 },    { 3, 2, 2, 0, 1 },     { 3, 2, 3, 1, 1 },
        { 3, 2, 4, 1, 2 },    { 3, 2, 5, 2, 2 },     { 3, 2, 6, 2, 3 },
        { 3, 2, 31, 15, 15 }, { 2, 2, 1, 0, 1 },     { 2, 2, 3, 1, 2 },
        { 2, 3, 5, 2, 2 },    { 2, 3, 6, 2, 2 },     { 2, 4, 7, 2, 2 },
        { 5, 1, 4, 0, 0 },    { 3, 2, 127, 63, 63 }, { 3, 2, 126, 62, 63 },
    };
    for (size_t i = 0; i < ARRAY_LEN(sides); i++)
        for (int ceil = 0; ceil < 2; ceil++) {
            const uint32_t expected = ceil ? sides[i].ceil : sides[i].floor;
            struct harness h;
            harness_begin_without_device(&h);
            struct tensor *x = harness_input(
                &h, "x", (struct shape){ 1, 1, sides[i].side, 200 }, NULL);
            const struct log_sink *sink = log_use(NULL);
            struct tensor *y = graph_pool(
                h.graph, x,
                (struct pool_attributes){ sides[i].kernel, sides[i].stride, ceil });
            log_use(sink);
            if ((y ? y->shape.h : 0) != expected)
                fail_msg("k%u s%u of %u%s: %u windows, PyTorch has %u",
                         (unsigned)sides[i].kernel, (unsigned)sides[i].stride,
                         (unsigned)sides[i].side, ceil ? ", ceil" : "",
                         (unsigned)(y ? y->shape.h : 0), (unsigned)expected);
            harness_end(&h);
        }
}

static void test_too_small(void **state)
{
    (void)state;
    struct harness h;
    harness_begin_without_device(&h);
    struct tensor *x = harness_input(&h, "x", (struct shape){ 1, 1, 2, 8 }, NULL);
    const struct log_sink *sink = log_use(NULL);
    assert_null(graph_pool(h.graph, x, (struct pool_attributes){ 3, 2, false }));
    log_use(sink);
    assert_true(graph_failed(h.graph));
    assert_non_null(strstr(log_last_error(), "1x1x2x8"));
    harness_end(&h);
}

// NaN is the maximum of every window that has one, and gets their gradient.
static void test_nan(void **state)
{
    (void)state;
    const struct shape s = { 1, 1, 3, 7 }, out = { 1, 1, 1, 3 };
    const float values[] = { 1, 2, 3, 4, 5, 6,   7, 1, 1, -INFINITY, 1,
                             1, 1, 1, 1, 1, NAN, 1, 1, 1, 1 };
    float y[3], dx[21];
    struct harness h;
    harness_begin(&h);
    struct tensor *x = harness_weight(&h, "x", s, values);
    struct tensor *pooled = graph_pool(h.graph, x, (struct pool_attributes){ 3, 2 });
    assert_true(shape_equal(pooled->shape, out));
    harness_keep(&h, pooled);
    graph_backward(h.graph, graph_gan_loss(h.graph, pooled, LOSS_KIND_MEAN, 3.0f),
                   h.weights);
    harness_run(&h);
    harness_read(&h, pooled, y);
    harness_read_gradient(&h, x, dx);
    harness_end(&h);
    assert_true(isnan(y[0]) && isnan(y[1]) && y[2] == 7.0f);
    for (size_t i = 0; i < 21; i++)
        assert_true(dx[i] == (i == 16 ? 2.0f : i == 6 ? 1.0f : 0.0f));
}

// Input, output and their gradients are slices of other tensors.
static struct tensor *build_slices(struct harness *h, void *user)
{
    (void)user;
    struct graph *g = h->graph;
    const struct pool_attributes a = { 3, 2, true };
    const struct shape s = { 2, 2, 6, 5 };
    float *x = check_floats(s);
    // Far from one another: a step must not make another element the maximum.
    for (size_t i = 0; i < shape_count(s); i++)
        x[i] = (float)(i * 37 % 61) / 10.0f - 3.0f;
    struct tensor *w = harness_weight(h, "x", s, x);
    struct tensor *part = graph_scale(g, w, -1.0f);
    struct tensor *joint = graph_concat(g, graph_scale(g, w, 2.0f), part);
    return graph_concat(g, graph_pool(g, joint, a), graph_pool(g, part, a));
}

static void test_slices(void **state)
{
    (void)state;
    const struct pool_attributes a = { 3, 2, true };
    const struct shape s = { 2, 2, 6, 5 }, out = { 2, 6, 3, 2 }, third = { 2, 2, 3, 2 };
    struct harness h;
    harness_begin(&h);
    struct tensor *y = build_slices(&h, NULL);
    harness_keep(&h, y);
    harness_prepare(&h);
    for (size_t i = 0; i < graph_call_count(h.graph); i++)
        assert_true(graph_call(h.graph, i)->shader != SHADER_CONCAT);
    float *w = check_floats(s), *actual = check_floats(out);
    double *expected = check_doubles(out), *x = check_doubles(s);
    double *one = check_doubles(third);
    harness_run(&h);
    harness_read(&h, &h.weights->items[0]->value, w);
    harness_read(&h, y, actual);
    harness_end(&h);
    for (int k = 0; k < 3; k++) {
        for (size_t i = 0; i < shape_count(s); i++)
            x[i] = (k == 0 ? 2 : -1) * (double)w[i];
        reference_pool_forward(a, s, x, one);
        for (uint32_t n = 0; n < 2; n++)
            memcpy(expected + (n * 6 + 2 * (size_t)k) * 6, one + n * 12,
                   12 * sizeof(one[0]));
    }
    check_case("pool of slices");
    check_array("y", actual, expected, out, &TOLERANCE_EXACT);
    gradient_check(
        &(struct gradient_options){ .name = "pool of slices", .build = build_slices });
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        check_test(test_reference), check_test(test_sides),  check_test(test_too_small),
        check_test(test_nan),       check_test(test_slices),
    };
    return cmocka_run_group_tests(tests, test_gpu_open, test_gpu_close);
}
