// SPDX-License-Identifier: MIT
//
// Concat: every element arrives where it should, exactly, both ways.

#include "support/gradient.h"
#include "support/reference.h"

#include <string.h>

#include "base/log.h"

static void run_case(struct shape a_shape, uint32_t cb, bool accumulate)
{
    const struct shape b_shape = { a_shape.n, cb, a_shape.h, a_shape.w };
    const struct shape s = { a_shape.n, a_shape.c + cb, a_shape.h, a_shape.w };
    char text[SHAPE_TEXT_SIZE];
    check_case("concat %s with %u channels%s", shape_text(a_shape, text), (unsigned)cb,
               accumulate ? " accumulate" : "");
    struct harness h;
    harness_begin(&h);
    struct random r;
    random_init(&r, 4, shape_count(s));
    float *a = check_random_floats(&r, a_shape), *b = check_random_floats(&r, b_shape);
    float *y = check_floats(s), *dy = check_floats(s);
    float *da = check_floats(a_shape), *db = check_floats(b_shape);
    struct tensor *a_tensor = harness_weight(&h, "a", a_shape, a);
    struct tensor *b_tensor = harness_weight(&h, "b", b_shape, b);
    harness_run_backward(&h, graph_concat(h.graph, a_tensor, b_tensor), accumulate, y,
                         dy);
    harness_read_gradient(&h, a_tensor, da);
    harness_read_gradient(&h, b_tensor, db);
    harness_end(&h);

    double *a_wide = check_widen(a, a_shape), *b_wide = check_widen(b, b_shape);
    double *dy_wide = check_widen(dy, s), *expected = check_doubles(s);
    double *da_expected = check_doubles(a_shape), *db_expected = check_doubles(b_shape);
    reference_concat(a_shape, cb, a_wide, b_wide, expected);
    reference_split(a_shape, cb, dy_wide, da_expected, db_expected);
    if (accumulate) {
        harness_add_accumulated(a_shape, a, da_expected);
        harness_add_accumulated(b_shape, b, db_expected);
    }
    const struct tolerance *backward =
        accumulate ? &TOLERANCE_ELEMENTWISE : &TOLERANCE_EXACT;
    check_array("y", y, expected, s, &TOLERANCE_EXACT);
    check_array("da", da, da_expected, a_shape, backward);
    check_array("db", db, db_expected, b_shape, backward);
}

static void test_reference(void **state)
{
    (void)state;
    static const struct {
        struct shape a;
        uint32_t cb;
    } cases[] = {
        { { 1, 1, 1, 1 }, 1 },  { { 3, 2, 5, 7 }, 3 },    { { 2, 5, 3, 1 }, 1 },
        { { 3, 1, 1, 1 }, 64 }, { { 1, 3, 33, 17 }, 30 },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        run_case(cases[i].a, cases[i].cb, false);
        run_case(cases[i].a, cases[i].cb, true);
    }
}

// A tensor joined with itself gets both halves of the gradient.
static void test_twice(void **state)
{
    (void)state;
    const struct shape s = { 2, 1, 1, 2 };
    const float x[] = { 1, 2, 3, 4 };
    float y[8], dy[8], dx[4];
    struct harness h;
    harness_begin(&h);
    struct tensor *t = harness_weight(&h, "x", s, x);
    harness_run_backward(&h, graph_concat(h.graph, t, t), false, y, dy);
    harness_read_gradient(&h, t, dx);
    harness_end(&h);
    for (size_t n = 0; n < 2; n++)
        for (size_t k = 0; k < 2; k++)
            assert_float_equal(dx[n * 2 + k], dy[n * 4 + k] + dy[n * 4 + 2 + k], 1e-6);
}

// Where both parts are made by calls nothing is copied, forward or backward.
static struct tensor *build_slices(struct harness *h, void *user)
{
    (void)user;
    struct graph *g = h->graph;
    const struct shape s = { 2, 3, 3, 5 };
    struct random r;
    random_init(&r, 6, 6);
    float *a = check_random_floats(&r, s), *b = check_random_floats(&r, s);
    struct tensor *p = graph_tanh(g, harness_weight(h, "a", s, a));
    struct tensor *q = graph_scale(g, harness_weight(h, "b", s, b), 2.0f);
    struct tensor *joint = graph_concat(g, p, q);
    struct tensor *pairs =
        graph_stack(g, joint, graph_concat(g, graph_tanh(g, q), graph_sigmoid(g, p)));
    // A joint tensor that is there already.
    struct tensor *again = graph_tanh(g, graph_concat(g, p, q));
    struct tensor *stacked = graph_stack(g, again, graph_sigmoid(g, pairs));
    // A stack within a join.
    return graph_concat(g, stacked, graph_tanh(g, stacked));
}

static void test_slices(void **state)
{
    (void)state;
    struct harness h;
    harness_begin(&h);
    struct tensor *y = build_slices(&h, NULL);
    graph_backward(h.graph, graph_mse(h.graph, y, NULL), h.weights);
    assert_false(graph_failed(h.graph));
    // The gradient of what is there twice is summed.
    size_t copies = 0;
    for (size_t i = 0; i < graph_call_count(h.graph); i++)
        copies += graph_call(h.graph, i)->shader == SHADER_CONCAT;
    assert_true(copies <= 2);
    harness_end(&h);
    gradient_check(
        &(struct gradient_options){ .name = "slices", .build = build_slices });
}

static void test_mismatch(void **state)
{
    (void)state;
    harness_check_misfit(graph_concat, (struct shape){ 1, 2, 4, 4 },
                         (struct shape){ 1, 2, 4, 5 }, "1x2x4x5");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        check_test(test_reference),
        check_test(test_twice),
        check_test(test_slices),
        check_test(test_mismatch),
    };
    return cmocka_run_group_tests(tests, test_gpu_open, test_gpu_close);
}
