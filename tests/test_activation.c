// SPDX-License-Identifier: MIT
//
// Activations against the reference, and at values where exp overflows.

#include "support/gradient.h"
#include "support/reference.h"

#include <math.h>

static const struct shape shapes[] = {
    { 1, 1, 1, 1 }, { 1, 3, 5, 7 }, { 3, 2, 4, 9 }, { 1, 1, 1, 129 }, { 2, 5, 17, 31 },
};

static const struct kind {
    const char *name;
    enum activation_kind kind;
    float slope;
} kinds[] = {
    { "relu", ACTIVATION_KIND_LEAKY, 0.0f },
    { "leaky", ACTIVATION_KIND_LEAKY, 0.2f },
    { "tanh", ACTIVATION_KIND_TANH, 0.0f },
    { "sigmoid", ACTIVATION_KIND_SIGMOID, 0.0f },
};

static struct tensor *build(struct graph *g, struct tensor *x, const struct kind *kind)
{
    return kind->kind == ACTIVATION_KIND_TANH      ? graph_tanh(g, x)
           : kind->kind == ACTIVATION_KIND_SIGMOID ? graph_sigmoid(g, x)
           : kind->slope == 0.0f                   ? graph_relu(g, x)
                                 : graph_leaky_relu(g, x, kind->slope);
}

static void run_case(const struct kind *kind, struct shape s, bool accumulate)
{
    char text[SHAPE_TEXT_SIZE];
    check_case("%s %s%s", kind->name, shape_text(s, text),
               accumulate ? " accumulate" : "");
    struct harness h;
    harness_begin(&h);
    struct random r;
    random_init(&r, 1, shape_count(s));
    float *x = check_random_floats(&r, s), *y = check_floats(s);
    float *dy = check_floats(s), *dx = check_floats(s);
    for (size_t i = 0; i < shape_count(s); i++)
        x[i] *= 2.0f;
    x[0] = shape_count(s) > 1 ? 0.0f : x[0];    // the kink

    struct tensor *x_tensor = harness_weight(&h, "x", s, x);
    harness_run_backward(&h, build(h.graph, x_tensor, kind), accumulate, y, dy);
    harness_read_gradient(&h, x_tensor, dx);
    harness_end(&h);

    size_t count = (size_t)shape_count(s);
    double *x_wide = check_widen(x, s), *dy_wide = check_widen(dy, s);
    double *y_expected = check_doubles(s), *dx_expected = check_doubles(s);
    double slope = (double)kind->slope;
    reference_activation_forward(kind->kind, slope, count, x_wide, y_expected);
    reference_activation_backward(kind->kind, slope, count, y_expected, dy_wide,
                                  dx_expected);
    if (accumulate)
        harness_add_accumulated(s, x, dx_expected);
    check_array("y", y, y_expected, s, &TOLERANCE_ELEMENTWISE);
    check_array("dx", dx, dx_expected, s, &TOLERANCE_ELEMENTWISE);
}

static void test_reference(void **state)
{
    (void)state;
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
        for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
            run_case(&kinds[k], shapes[i], false);
            run_case(&kinds[k], shapes[i], true);
        }
}

// Saturation, tiny values, and NaN, which must not be hidden.
static void test_extremes(void **state)
{
    (void)state;
    const float x[] = { 0.0f,   1e-30f, -1e-4f, 0.249f, -0.251f,  9.0f,
                        -20.0f, 88.0f,  -89.0f, 1e4f,   -3.0e38f, NAN };
    const struct shape s = { 1, 1, 1, ARRAY_LEN(x) };
    // tanh and sigmoid are exact for their own size, however small; Vulkan allows exp
    // an error of 3 + 2 |x| units in the last place.
    const struct tolerance relative = { "relative", 3e-5, 0, 1e-37 };
    double *x_wide = check_widen(x, s), *expected = check_doubles(s);
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        check_case("extremes of %s", kinds[k].name);
        struct harness h;
        harness_begin(&h);
        struct tensor *y = build(h.graph, harness_input(&h, "x", s, x), &kinds[k]);
        float values[ARRAY_LEN(x)];
        harness_keep(&h, y);
        harness_run(&h);
        harness_read(&h, y, values);
        harness_end(&h);
        reference_activation_forward(kinds[k].kind, (double)kinds[k].slope,
                                     ARRAY_LEN(x), x_wide, expected);
        check_array("y", values, expected, s, &relative);
    }
}

static struct tensor *build_gradient(struct harness *h, void *user)
{
    // Away from the kink.
    const float x[] = { -2.0f, -1.1f, -0.5f, 0.4f, 0.9f, 2.2f };
    return build(h->graph, harness_weight(h, "x", (struct shape){ 1, 2, 1, 3 }, x),
                 user);
}

static void test_gradient(void **state)
{
    (void)state;
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
        gradient_check(&(struct gradient_options){ .name = kinds[k].name,
                                                   .build = build_gradient,
                                                   .user = (void *)&kinds[k] });
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        check_test(test_reference),
        check_test(test_extremes),
        check_test(test_gradient),
    };
    return cmocka_run_group_tests(tests, test_gpu_open, test_gpu_close);
}
