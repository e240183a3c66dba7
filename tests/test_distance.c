// SPDX-License-Identifier: MIT
//
// The distance of two maps of features: against the reference, with a gradient that is
// a number and one in memory; of one side alone; of slices; shapes that do not fit.

#include "support/gradient.h"
#include "support/reference_features.h"

// `alone`: b is an image, which needs no gradient.
static void run_case(struct shape s, bool alone, bool accumulate)
{
    const struct shape channels = { 1, s.c, 1, 1 }, out = { s.n, 1, 1, 1 };
    char text[SHAPE_TEXT_SIZE];
    check_case("distance %s%s%s", shape_text(s, text), alone ? " of one side" : "",
               accumulate ? " accumulate" : "");
    struct harness h;
    harness_begin(&h);
    struct random r;
    random_init(&r, 6, shape_count(s));
    float *a = check_random_floats(&r, s), *b = check_random_floats(&r, s);
    float *w = check_random_floats(&r, channels);
    float *y = check_floats(out), *dy = check_floats(out);
    float *da = check_floats(s), *db = check_floats(s);
    struct tensor *a_tensor = harness_weight(&h, "a", s, a);
    struct tensor *b_tensor =
        alone ? harness_input(&h, "b", s, b) : harness_weight(&h, "b", s, b);
    struct tensor *w_tensor = harness_input(&h, "w", channels, w);
    harness_run_backward(&h, graph_distance(h.graph, a_tensor, b_tensor, w_tensor),
                         accumulate, y, dy);
    harness_read_gradient(&h, a_tensor, da);
    if (!alone)
        harness_read_gradient(&h, b_tensor, db);
    harness_end(&h);

    double *a_wide = check_widen(a, s), *b_wide = check_widen(b, s);
    double *w_wide = check_widen(w, channels), *dy_wide = check_widen(dy, out);
    double *y_expected = check_doubles(out);
    double *da_expected = check_doubles(s), *db_expected = check_doubles(s);
    reference_distance_forward(s, a_wide, b_wide, w_wide, y_expected);
    reference_distance_backward(s, a_wide, b_wide, w_wide, dy_wide, da_expected,
                                db_expected);
    if (accumulate) {
        harness_add_accumulated(s, a, da_expected);
        harness_add_accumulated(s, b, db_expected);
    }
    check_array("y", y, y_expected, out, &TOLERANCE_SUM);
    check_array("da", da, da_expected, s, &TOLERANCE_SUM);
    if (!alone)
        check_array("db", db, db_expected, s, &TOLERANCE_SUM);
}

static void test_reference(void **state)
{
    (void)state;
    static const struct shape shapes[] = {
        { 1, 1, 1, 1 }, { 1, 3, 5, 7 },    { 3, 2, 4, 9 },   { 2, 5, 1, 3 },
        { 5, 1, 1, 1 }, { 2, 16, 33, 17 }, { 1, 512, 2, 1 },
    };
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
        run_case(shapes[i], i % 2, false);
        run_case(shapes[i], i % 2 == 0, true);
    }
}

// A gradient that is the same number everywhere is not in memory, and the distance of
// something to itself is 0 with a gradient of 0.
static void test_constant(void **state)
{
    (void)state;
    const struct shape s = { 2, 3, 4, 5 }, channels = { 1, 3, 1, 1 };
    struct harness h;
    harness_begin(&h);
    struct random r;
    random_init(&r, 7, 7);
    float *a = check_random_floats(&r, s), *b = check_random_floats(&r, s);
    float *w = check_random_floats(&r, channels);
    struct tensor *a_tensor = harness_weight(&h, "a", s, a);
    struct tensor *b_tensor = harness_weight(&h, "b", s, b);
    // A weight like those of a network, which has no gradient here all the same.
    struct tensor *w_tensor = harness_weight_kind(&h, WEIGHT_BIAS, "w", channels, w);
    struct tensor *same = graph_distance(h.graph, a_tensor, a_tensor, w_tensor);
    struct tensor *y = graph_distance(h.graph, a_tensor, b_tensor, w_tensor);
    graph_backward(h.graph, graph_add(h.graph, graph_scale(h.graph, y, 0.5f), same),
                   h.weights);
    harness_keep(&h, same);
    harness_run(&h);
    float zeros[2], *da = check_floats(s), *dw = check_floats(channels);
    harness_read(&h, same, zeros);
    harness_read_gradient(&h, a_tensor, da);
    harness_read_gradient(&h, w_tensor, dw);
    harness_end(&h);
    const double dy[] = { 0.5, 0.5 };
    double *expected = check_doubles(s);
    reference_distance_backward(s, check_widen(a, s), check_widen(b, s),
                                check_widen(w, channels), dy, expected, NULL);
    check_array("da", da, expected, s, &TOLERANCE_SUM);
    assert_true(zeros[0] == 0.0f && zeros[1] == 0.0f);
    for (size_t c = 0; c < 3; c++)
        assert_true(dw[c] == 0.0f);
}

// Inputs and their gradients are slices of other tensors.
static struct tensor *build_gradient(struct harness *h, void *user)
{
    (void)user;
    struct graph *g = h->graph;
    const struct shape s = { 2, 2, 3, 5 }, channels = { 1, 2, 1, 1 };
    static const float w[] = { 0.75f, 2.0f };
    struct random r;
    random_init(&r, 8, 8);
    struct tensor *x = harness_weight(h, "x", s, check_random_floats(&r, s));
    struct tensor *z = harness_weight(h, "z", s, check_random_floats(&r, s));
    struct tensor *a = graph_tanh(g, x), *b = graph_scale(g, z, 0.5f);
    struct tensor *joint = graph_concat(g, graph_concat(g, b, a), graph_tanh(g, z));
    struct tensor *y = graph_distance(g, a, b, harness_input(h, "w", channels, w));
    struct tensor *all =
        graph_distance(g, joint, graph_scale(g, joint, -1.0f),
                       harness_input(h, "w6", (struct shape){ 1, 6, 1, 1 },
                                     (float[]){ 1, 2, 3, 1, 2, 3 }));
    return graph_add(g, y, all);
}

static void test_gradient(void **state)
{
    (void)state;
    gradient_check(
        &(struct gradient_options){ .name = "distance", .build = build_gradient });
}

static struct tensor *build_sides(struct graph *g, struct tensor *a, struct tensor *b)
{
    struct tensor *w = graph_input(g, "w", (struct shape){ 1, 2, 1, 1 }, TENSOR_F32);
    return graph_distance(g, a, b, w);
}

static struct tensor *build_weights(struct graph *g, struct tensor *a, struct tensor *w)
{
    return graph_distance(g, a, a, w);
}

static void test_mismatch(void **state)
{
    (void)state;
    const struct shape a = { 1, 2, 4, 4 };
    harness_check_misfit(build_sides, a, (struct shape){ 1, 2, 4, 5 }, "1x2x4x5");
    harness_check_misfit(build_weights, a, (struct shape){ 1, 3, 1, 1 }, "1x3x1x1");
    harness_check_misfit(build_weights, a, (struct shape){ 1, 2, 1, 2 }, "1x2x1x2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        check_test(test_reference),
        check_test(test_constant),
        check_test(test_gradient),
        check_test(test_mismatch),
    };
    return cmocka_run_group_tests(tests, test_gpu_open, test_gpu_close);
}
