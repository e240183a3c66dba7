// SPDX-License-Identifier: MIT
//
// LPIPS with each backbone against PyTorch, with weights that a formula gives to both
// (tests/golden/lpips.py): the distance and its gradient by the first image. The
// gradient by differences, too.

#include "models/lpips.h"

#include "base/mem.h"
#include "support/golden.h"
#include "support/gradient.h"
#include "support/lpips_weights.h"

#include <math.h>

#define LARGEST_DIFFERENCE 1e-4    // of the distance, in parts of it
// Of the gradient, in parts of its largest element: a ReLU or a pool whose input lies
// beside its kink in floats may take the other side.
#define LARGEST_OFF 1e-3

// Nobody trains them: they are no weights of the harness. After the builder.
static void start_weights(struct weights *weights, enum lpips_backbone b, double biases)
{
    assert_true(weights_place(weights, test_gpu_limits().max_binding));
    assert_true(weights_allocate(weights, test_gpu()));
    float *values = mem_alloc((size_t)weights_largest(weights));
    assert_non_null(values);
    for (size_t i = 0; i < weights->count; i++) {
        lpips_weights_draw(weights->items[i], b, biases, values);
        assert_true(tensor_upload(test_gpu(), &weights->items[i]->value, values));
    }
    mem_free(values);
}

static void run_case(const json_t *c)
{
    const enum lpips_backbone b = lpips_weights_backbone(golden_text(c, "name"));
    const struct shape s = golden_shape(c, "shape"), out = { s.n, 1, 1, 1 };
    char text[SHAPE_TEXT_SIZE];
    check_case("%s %s", lpips_backbone_title(b), shape_text(s, text));
    float *x = check_floats(s), *y = check_floats(s), *dx = check_floats(s);
    float *distance = check_floats(out);
    golden_input(s, x);
    golden_weight("y", shape_count(s), 1.0, 0.0, y);

    struct harness h;
    harness_begin(&h);
    struct weights *weights = weights_create(true);
    struct tensor *x_tensor = harness_weight(&h, "x", s, x);
    struct tensor *d =
        lpips_build(h.graph, weights, x_tensor, harness_input(&h, "y", s, y), b);
    assert_non_null(d);
    assert_true(shape_equal(d->shape, out));
    harness_keep(&h, d);
    graph_backward(h.graph, d, h.weights);
    start_weights(weights, b, 0.0);
    harness_run(&h);
    harness_read(&h, d, distance);
    harness_read_gradient(&h, x_tensor, dx);
    harness_end(&h);
    weights_destroy(weights);

    for (uint32_t n = 0; n < s.n; n++) {
        const double expected = golden_element(c, "distance", n);
        if (!(fabs((double)distance[n] - expected) <= LARGEST_DIFFERENCE * expected))
            fail_msg("%s: distance %u is %.8g, PyTorch has %.8g", check_case_name(),
                     (unsigned)n, (double)distance[n], expected);
    }
    const uint32_t stride = golden_count(c, "stride");
    const double allowed = LARGEST_OFF * golden_number(c, "largest");
    for (uint64_t i = 0; i * stride < shape_count(s); i++) {
        const double expected = golden_element(c, "gradient", i);
        if (!(fabs((double)dx[i * stride] - expected) <= allowed))
            fail_msg("%s: element %llu of the gradient is %.8g, PyTorch has %.8g",
                     check_case_name(), (unsigned long long)(i * stride),
                     (double)dx[i * stride], expected);
    }
}

static void test_pytorch(void **state)
{
    (void)state;
    test_gpu();
    json_t *cases = golden_read("lpips/cases.json");
    bool seen[LPIPS_BACKBONES] = { false };
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *c = json_array_get(cases, i);
        seen[lpips_weights_backbone(golden_text(c, "name"))] = true;
        run_case(c);
    }
    for (int b = 0; b < LPIPS_BACKBONES; b++)
        assert_true(seen[b]);
    json_decref(cases);
}

static const struct shape small = { 1, 3, 32, 36 };

// With biases that keep most ReLUs on one side: a difference sees their kinks, the
// gradient does not.
struct difference {
    enum lpips_backbone b;
    double biases, step;
    struct weights *weights;
};

static struct tensor *build_difference(struct harness *h, void *user)
{
    struct difference *d = user;
    float *x = check_floats(small), *y = check_floats(small);
    golden_input(small, x);
    golden_weight("y", shape_count(small), 1.0, 0.0, y);
    struct tensor *distance =
        lpips_build(h->graph, d->weights, harness_weight(h, "x", small, x),
                    harness_input(h, "y", small, y), d->b);
    start_weights(d->weights, d->b, d->biases);
    return distance;
}

// By differences, of a loss behind it, so that its gradient is in memory.
static void test_gradient(void **state)
{
    (void)state;
    struct difference cases[] = { { LPIPS_ALEX, 1.0, 3e-3, NULL },
                                  { LPIPS_SQUEEZE, 2.0, 1e-3, NULL } };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        cases[i].weights = weights_create(true);
        gradient_check(&(struct gradient_options){
            .name = lpips_backbone_title(cases[i].b),
            .build = build_difference,
            .user = &cases[i],
            .step = cases[i].step,
        });
        weights_destroy(cases[i].weights);
    }
}

// An image is no distance from itself, to the bit, and A is as far from B as B from A.
static void test_metric(void **state)
{
    (void)state;
    float *x = check_floats(small), *y = check_floats(small);
    golden_input(small, x);
    golden_weight("y", shape_count(small), 1.0, 0.0, y);
    struct harness h;
    harness_begin(&h);
    struct weights *weights = weights_create(true);
    struct tensor *a = harness_input(&h, "x", small, x);
    struct tensor *b = harness_input(&h, "y", small, y), *d[3];
    const enum lpips_backbone backbone = LPIPS_ALEX;
    d[0] = lpips_build(h.graph, weights, a, a, backbone);
    const size_t count = weights->count;
    d[1] = lpips_build(h.graph, weights, a, b, backbone);
    d[2] = lpips_build(h.graph, weights, b, a, backbone);
    assert_int_equal(weights->count, count);
    for (size_t i = 0; i < 3; i++)
        harness_keep(&h, d[i]);
    start_weights(weights, backbone, 0.0);
    harness_run(&h);
    float distance[3];
    for (size_t i = 0; i < 3; i++)
        harness_read(&h, d[i], &distance[i]);
    harness_end(&h);
    weights_destroy(weights);
    assert_true(distance[0] == 0.0f);
    assert_true(distance[1] > 0.1f && distance[1] == distance[2]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        check_test(test_pytorch),
        check_test(test_gradient),
        check_test(test_metric),
    };
    return cmocka_run_group_tests(tests, test_gpu_open, test_gpu_close);
}
