// SPDX-License-Identifier: MIT
//
// Three channels by constants of their own: against the reference, the gradient, both
// ways through slices, another number of channels.

#include "support/gradient.h"
#include "support/reference_features.h"

#include <string.h>

#include "base/log.h"

static const struct affine_attributes constants = { { 2.25f, -0.5f, 1.0f },
                                                    { 0.125f, 0.0f, -3.0f } };

static void run_case(struct shape s, bool accumulate)
{
    char text[SHAPE_TEXT_SIZE];
    check_case("affine %s%s", shape_text(s, text), accumulate ? " accumulate" : "");
    struct harness h;
    harness_begin(&h);
    struct random r;
    random_init(&r, 6, shape_count(s));
    float *x = check_random_floats(&r, s), *dx = check_floats(s);
    float *y = check_floats(s), *dy = check_floats(s);
    struct tensor *x_tensor = harness_weight(&h, "x", s, x);
    harness_run_backward(&h, graph_affine(h.graph, x_tensor, &constants), accumulate, y,
                         dy);
    harness_read_gradient(&h, x_tensor, dx);
    harness_end(&h);

    double *x_wide = check_widen(x, s), *dy_wide = check_widen(dy, s);
    double *y_expected = check_doubles(s), *dx_expected = check_doubles(s);
    reference_affine_forward(&constants, s, x_wide, y_expected);
    reference_affine_backward(&constants, s, dy_wide, dx_expected);
    if (accumulate)
        harness_add_accumulated(s, x, dx_expected);
    check_array("y", y, y_expected, s, &TOLERANCE_ELEMENTWISE);
    check_array("dx", dx, dx_expected, s, &TOLERANCE_ELEMENTWISE);
}

static void test_reference(void **state)
{
    (void)state;
    static const struct shape shapes[] = {
        { 1, 3, 1, 1 }, { 1, 3, 5, 7 }, { 3, 3, 4, 9 }, { 2, 3, 33, 65 }
    };
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
        run_case(shapes[i], false);
        run_case(shapes[i], true);
    }
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
