// SPDX-License-Identifier: MIT
//
// Sum, scale, detach and fill: values, gradients, and who adds to whom.

#include "support/gradient.h"
#include "support/reference.h"

#include <string.h>

#include "base/log.h"

static const struct shape shapes[] = {
    { 1, 1, 1, 1 }, { 1, 3, 5, 7 }, { 3, 2, 4, 9 }, { 1, 2, 1, 640 }
};

static void run_case(struct shape s, bool accumulate)
{
    char text[SHAPE_TEXT_SIZE];
    check_case("add and scale %s%s", shape_text(s, text),
               accumulate ? " accumulate" : "");
    struct harness h;
    harness_begin(&h);
    struct random r;
    random_init(&r, 5, shape_count(s));
    float *a = check_random_floats(&r, s), *b = check_random_floats(&r, s);
    float *y = check_floats(s), *dy = check_floats(s);
    float *da = check_floats(s), *db = check_floats(s);
    struct tensor *a_tensor = harness_weight(&h, "a", s, a);
    struct tensor *b_tensor = harness_weight(&h, "b", s, b);
    // y = a - 2.5 b
    struct tensor *y_tensor =
        graph_add(h.graph, a_tensor, graph_scale(h.graph, b_tensor, -2.5f));
    harness_run_backward(&h, y_tensor, accumulate, y, dy);
    harness_read_gradient(&h, a_tensor, da);
    harness_read_gradient(&h, b_tensor, db);
    harness_end(&h);

    double *expected = check_doubles(s), *da_expected = check_widen(dy, s);
    double *db_expected = check_widen(dy, s);
    for (size_t i = 0; i < shape_count(s); i++) {
        expected[i] = (double)a[i] - 2.5 * (double)b[i];
        db_expected[i] *= -2.5;
    }
    if (accumulate) {
        harness_add_accumulated(s, a, da_expected);
        harness_add_accumulated(s, b, db_expected);
    }
    check_array("y", y, expected, s, &TOLERANCE_ELEMENTWISE);
    check_array("da", da, da_expected, s, &TOLERANCE_ELEMENTWISE);
    check_array("db", db, db_expected, s, &TOLERANCE_ELEMENTWISE);
}

static void test_reference(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
        run_case(shapes[i], false);
        run_case(shapes[i], true);
    }
}

// y = x + x + detach(x): the value has three parts, the gradient two.
static void test_detach(void **state)
{
    (void)state;
    const struct shape s = { 1, 1, 2, 3 };
    const float x[] = { 1, -2, 3, -4, 5, -6 };
    float y[6], dy[6], dx[6], dfrozen[6];
    struct harness h;
    harness_begin(&h);
    struct tensor *x_tensor = harness_weight(&h, "x", s, x);
    struct tensor *frozen = harness_weight(&h, "frozen", s, x);
    struct tensor *copy = graph_scale(h.graph, frozen, 2.0f);
    size_t calls = graph_call_count(h.graph);
    struct tensor *detached = graph_detach(h.graph, copy);
    assert_int_equal(graph_call_count(h.graph), calls);    // no copy is made
    struct tensor *y_tensor =
        graph_add(h.graph, graph_add(h.graph, x_tensor, x_tensor), detached);
    harness_run_backward(&h, y_tensor, false, y, dy);
    harness_read_gradient(&h, x_tensor, dx);
    harness_read_gradient(&h, frozen, dfrozen);
    harness_end(&h);
    for (size_t i = 0; i < 6; i++) {
        assert_float_equal(y[i], 4 * x[i], 1e-6);
        assert_float_equal(dx[i], 2 * dy[i], 1e-6);
        // Filled: the loss does not depend on it.
        assert_true(dfrozen[i] == 0.0f);
    }
}

static void test_mismatch(void **state)
{
    (void)state;
    harness_check_misfit(graph_add, (struct shape){ 1, 2, 4, 4 },
                         (struct shape){ 1, 3, 4, 4 }, "1x3x4x4");
}

static struct tensor *build_gradient(struct harness *h, void *user)
{
    (void)user;
    const struct shape s = { 1, 2, 3, 3 };
    struct random r;
    random_init(&r, 8, 8);
    float *a = check_random_floats(&r, s), *b = check_random_floats(&r, s);
    struct tensor *a_tensor = harness_weight(h, "a", s, a);
    struct tensor *y = graph_add(h->graph, graph_scale(h->graph, a_tensor, 0.5f),
                                 harness_weight(h, "b", s, b));
    return graph_add(h->graph, y, graph_tanh(h->graph, a_tensor));
}

static void test_gradient(void **state)
{
    (void)state;
    gradient_check(
        &(struct gradient_options){ .name = "add", .build = build_gradient });
}

// More elements than the largest grid has invocations: each takes two or none.
static void test_more_elements_than_invocations(void **state)
{
    (void)state;
    struct harness h;
    const struct shape shape = { 1, 1, 3000, 3001 };
    const size_t count = (size_t)shape_count(shape);
    assert_true(count > (size_t)OP_MAX_GROUPS * OP_WORKGROUP);
    float *x = check_floats(shape), *y = check_floats(shape);
    for (size_t i = 0; i < count; i++)
        x[i] = (float)i;
    harness_begin(&h);
    struct tensor *out = graph_scale(h.graph, harness_input(&h, "x", shape, x), 2.0f);
    harness_keep(&h, out);
    harness_run(&h);
    harness_read(&h, out, y);
    for (size_t i = 0; i < count; i++)
        if (y[i] != 2.0f * x[i])
            fail_msg("element %zu is %g, not %g", i, (double)y[i], 2.0 * (double)x[i]);
    harness_end(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        check_test(test_more_elements_than_invocations),
        check_test(test_reference),
        check_test(test_detach),
        check_test(test_mismatch),
        check_test(test_gradient),
    };
    return cmocka_run_group_tests(tests, test_gpu_open, test_gpu_close);
}
