// SPDX-License-Identifier: MIT
//
// Classes of pixels: softmax and cross entropy against the reference and against
// PyTorch, logits that are far apart, the gradients, slices, and what goes on where
// logits are not finite.

#include <math.h>

#include "support/reference_features.h"
#include "support/unary.h"

static const struct shape shapes[] = {
    { 1, 1, 1, 1 },   { 1, 3, 5, 7 },  { 3, 2, 4, 9 },    { 2, 5, 1, 3 },
    { 2, 4, 33, 65 }, { 1, 64, 2, 3 }, { 1, 2, 130, 63 },
};

static struct tensor *build(struct graph *g, struct tensor *x, const void *a)
{
    (void)a;
    return graph_softmax(g, x);
}

static void forward(const void *a, struct shape s, const double *x, double *y)
{
    (void)a;
    reference_softmax_forward(s, x, y);
}

static void backward(const void *a, struct shape s, const double *x, const double *dy,
                     double *dx)
{
    (void)a;
    reference_softmax_backward(s, x, dy, dx);
}

static void test_softmax(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
        const struct unary u = {
            shapes[i],      shapes[i], NULL,     NULL,
            build,          forward,   backward, &TOLERANCE_ELEMENTWISE,
            &TOLERANCE_SUM,
        };
        unary_check(&u, "softmax");
    }
}

// One-hot, but for a pixel that says nothing and one that says two classes.
static float *make_target(struct random *r, struct shape s)
{
    float *t = check_floats(s);
    const size_t plane = (size_t)s.h * s.w;
    for (size_t i = 0; i < s.n * plane; i++) {
        const uint32_t class = random_below(r, s.c);
        for (uint32_t c = 0; c < s.c; c++)
            t[(i / plane * s.c + c) * plane + i % plane] = c == class && i != 1 ? 1.0f
                                                           : i == 2             ? 0.0f
                                                                                : -1.0f;
    }
    return t;
}

static void run_cross_entropy(struct shape s, bool accumulate)
{
    const struct shape one = { 1, 1, 1, 1 };
    char text[SHAPE_TEXT_SIZE];
    check_case("cross entropy %s%s", shape_text(s, text),
               accumulate ? " accumulate" : "");
    struct harness h;
    harness_begin(&h);
    struct random r;
    random_init(&r, 6, shape_count(s));
    float *x = check_random_floats(&r, s), *t = make_target(&r, s);
    float *dx = check_floats(s), y, dy;
    struct tensor *x_tensor = harness_weight(&h, "x", s, x);
    struct tensor *loss =
        graph_cross_entropy(h.graph, x_tensor, harness_input(&h, "t", s, t), 3.0f);
    harness_run_backward(&h, loss, accumulate, &y, &dy);
    harness_read_gradient(&h, x_tensor, dx);
    harness_end(&h);

    double *x_wide = check_widen(x, s), *t_wide = check_widen(t, s);
    double *dx_expected = check_doubles(s);
    double y_expected = 3 * reference_cross_entropy(s, x_wide, t_wide);
    reference_cross_entropy_backward(s, x_wide, t_wide, dx_expected);
    for (size_t i = 0; i < shape_count(s); i++)
        dx_expected[i] *= 3.0 * (double)dy;
    if (accumulate)
        harness_add_accumulated(s, x, dx_expected);
    check_array("y", &y, &y_expected, one, &TOLERANCE_SUM);
    check_array("dx", dx, dx_expected, s, &TOLERANCE_SUM);
}

static void test_cross_entropy(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
        run_cross_entropy(shapes[i], false);
        run_cross_entropy(shapes[i], true);
    }
}

// The softmax, the loss, and its gradient, of three pixels of two classes and more.
struct point {
    float x[4], y[4], loss, dx[4];
};

static void check_point(const struct point *p, uint32_t channels)
{
    const struct shape s = { 1, channels, 1, 1 };
    const float t[4] = { -1, 1, -1, -1 };
    float y[4], dx[4], loss;
    struct harness h;
    harness_begin(&h);
    struct tensor *x = harness_weight(&h, "x", s, p->x);
    struct tensor *softmax = graph_softmax(h.graph, x);
    struct tensor *entropy =
        graph_cross_entropy(h.graph, x, harness_input(&h, "t", s, t), 1.0f);
    harness_keep(&h, softmax);
    harness_keep(&h, entropy);
    graph_backward(h.graph, entropy, h.weights);
    harness_run(&h);
    harness_read(&h, softmax, y);
    harness_read(&h, entropy, &loss);
    harness_read_gradient(&h, x, dx);
    harness_end(&h);
    assert_true(fabsf(loss - p->loss) <= 2e-6f * fmaxf(1.0f, p->loss));
    for (uint32_t c = 0; c < channels; c++) {
        assert_true(fabsf(y[c] - p->y[c]) <= 2e-6f);
        assert_true(fabsf(dx[c] - p->dx[c]) <= 2e-6f);
    }
}

// What PyTorch 1.13 makes of them in doubles: 2 softmax(x, 1) - 1, cross_entropy(x, 1)
// and its gradient (tests/golden/softmax.py). Logits far apart neither overflow nor
// make the logarithm of 0.
static void test_golden(void **state)
{
    (void)state;
    static const struct point points[] = {
        { { 0.25f, -1.5f, 2, 0 },
          { -0.740501627f, -0.954905944f, 0.493310034f, -0.797902464f },
          3.79215202f,
          { 0.129749187f, -0.977452972f, 0.746655017f, 0.101048768f } },
        { { -3, 4, 0.5f, 1 },
          { -0.99831273f, 0.850316203f, -0.944125292f, -0.907878181f },
          0.0777906356f,
          { 0.000843634988f, -0.0748418986f, 0.0279373539f, 0.0460609096f } },
        { { 80, -90, 0, 79 },
          { 0.462117157f, -1, -1, -0.462117157f },
          170.313262f,
          { 0.731058579f, -1, 1.31945209e-35f, 0.268941421f } },
        { { 1000, -1000, 999, 0 },
          { 0.462117157f, -1, -0.462117157f, -1 },
          2000.31326f,
          { 0.731058579f, -1, 0.268941421f, 0 } },
        { { -1e+30f, -1e+30f, -1e+30f, -1e+30f },
          { -0.5f, -0.5f, -0.5f, -0.5f },
          1.38629436f,
          { 0.25f, -0.75f, 0.25f, 0.25f } },
        { { 1e-20f, 0, -1e-20f, 0 },
          { -0.5f, -0.5f, -0.5f, -0.5f },
          1.38629436f,
          { 0.25f, -0.75f, 0.25f, 0.25f } },
    };
    for (size_t i = 0; i < ARRAY_LEN(points); i++)
        check_point(&points[i], 4);
}

// A number that is not finite does not vanish in a probability.
static void test_not_finite(void **state)
{
    (void)state;
    const struct shape s = { 1, 3, 1, 2 };
    const float x[] = { 1, NAN, NAN, 2, 3, 4 }, t[] = { 1, -1, -1, 1, -1, -1 };
    float y[6], loss;
    struct harness h;
    harness_begin(&h);
    struct tensor *in = harness_input(&h, "x", s, x);
    struct tensor *softmax = graph_softmax(h.graph, in);
    struct tensor *entropy =
        graph_cross_entropy(h.graph, in, harness_input(&h, "t", s, t), 1.0f);
    harness_keep(&h, softmax);
    harness_keep(&h, entropy);
    harness_run(&h);
    harness_read(&h, softmax, y);
    harness_read(&h, entropy, &loss);
    harness_end(&h);
    assert_true(isnan(loss));
    for (size_t i = 0; i < 6; i++)
        assert_true(isnan(y[i]));
}

// Logits, probabilities and their gradients are slices of other tensors.
static struct tensor *build_gradient(struct harness *h, void *user)
{
    (void)user;
    struct graph *g = h->graph;
    const struct shape s = { 2, 3, 3, 5 };
    struct random r;
    random_init(&r, 8, 8);
    struct tensor *w = harness_weight(h, "x", s, check_random_floats(&r, s));
    struct tensor *logits = graph_scale(g, w, 2.0f);
    struct tensor *joint = graph_concat(g, logits, graph_softmax(g, logits));
    struct tensor *target = harness_input(h, "t", s, make_target(&r, s));
    struct tensor *all = graph_softmax(g, joint);
    struct tensor *loss = graph_cross_entropy(g, logits, target, 4.0f);
    return graph_add(g, graph_gan_loss(g, all, LOSS_KIND_MSE, 0.25f),
                     graph_scale(g, loss, 0.5f));
}

static void test_gradient(void **state)
{
    (void)state;
    gradient_check(
        &(struct gradient_options){ .name = "softmax", .build = build_gradient });
}

static struct tensor *build_sides(struct graph *g, struct tensor *x, struct tensor *t)
{
    return graph_cross_entropy(g, x, t, 1.0f);
}

static void test_mismatch(void **state)
{
    (void)state;
    harness_check_misfit(build_sides, (struct shape){ 1, 3, 4, 4 },
                         (struct shape){ 1, 2, 4, 4 }, "1x2x4x4");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        check_test(test_softmax),  check_test(test_cross_entropy),
        check_test(test_golden),   check_test(test_not_finite),
        check_test(test_gradient), check_test(test_mismatch),
    };
    return cmocka_run_group_tests(tests, test_gpu_open, test_gpu_close);
}
