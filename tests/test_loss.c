// SPDX-License-Identifier: MIT
//
// Losses against the reference: values, gradients of both sides, extreme logits.

#include "support/gradient.h"
#include "support/reference.h"

#include <math.h>
#include <string.h>

#include "base/log.h"

static const struct shape shapes[] = {
    { 1, 1, 1, 1 },   { 1, 1, 5, 7 },     { 3, 2, 9, 4 },
    { 1, 1, 30, 30 }, { 2, 3, 300, 301 },
};

struct loss_case {
    const char *name;
    enum loss_kind kind;
    bool has_target;
    float label;
};

static const struct loss_case cases[] = {
    { "l1", LOSS_KIND_L1, true, 0.0f },
    { "mse", LOSS_KIND_MSE, true, 0.0f },
    { "mse", LOSS_KIND_MSE, false, 1.0f },
    { "bce", LOSS_KIND_BCE, false, 0.0f },
    { "bce", LOSS_KIND_BCE, false, 1.0f },
    { "bce", LOSS_KIND_BCE, false, 0.9f },
    { "hinge", LOSS_KIND_HINGE, false, 1.0f },
    { "hinge", LOSS_KIND_HINGE, false, -1.0f },
    { "mean", LOSS_KIND_MEAN, false, 1.0f },
    { "mean", LOSS_KIND_MEAN, false, -1.0f },
};

static struct tensor *build(struct graph *g, const struct loss_case *c,
                            struct tensor *x, struct tensor *t)
{
    return c->kind == LOSS_KIND_L1 ? graph_l1(g, x, t, 1.0f)
           : c->has_target         ? graph_mse(g, x, t)
                                   : graph_gan_loss(g, x, c->kind, c->label);
}

static void run_case(const struct loss_case *c, struct shape s, bool accumulate)
{
    const struct shape one = { 1, 1, 1, 1 };
    char text[SHAPE_TEXT_SIZE];
    check_case("%s %s%s, label %g%s", c->name, shape_text(s, text),
               c->has_target ? " target" : "", (double)c->label,
               accumulate ? " accumulate" : "");
    struct harness h;
    harness_begin(&h);
    struct random r;
    random_init(&r, 7, shape_count(s));
    float *x = check_random_floats(&r, s), *t = check_random_floats(&r, s);
    float *dx = check_floats(s), *dt = check_floats(s);
    float loss, dloss;
    if (shape_count(s) > 1)
        t[1] = x[1];    // the kink of l1 has slope 0
    struct tensor *x_tensor = harness_weight(&h, "x", s, x);
    struct tensor *t_tensor = c->has_target ? harness_weight(&h, "t", s, t) : NULL;
    // The gradient that arrives at the loss is not 1.
    harness_run_backward(&h, build(h.graph, c, x_tensor, t_tensor), accumulate, &loss,
                         &dloss);
    harness_read_gradient(&h, x_tensor, dx);
    if (t_tensor)
        harness_read_gradient(&h, t_tensor, dt);
    harness_end(&h);

    size_t count = (size_t)shape_count(s);
    double *x_wide = check_widen(x, s), *t_wide = check_widen(t, s);
    double *dx_expected = check_doubles(s), *dt_expected = check_doubles(s);
    const double *target = c->has_target ? t_wide : NULL;
    double expected = reference_loss(c->kind, count, x_wide, target, (double)c->label);
    reference_loss_backward(c->kind, count, x_wide, target, (double)c->label,
                            (double)dloss, dx_expected);
    for (size_t i = 0; i < count; i++)
        dt_expected[i] = -dx_expected[i];
    if (accumulate) {
        harness_add_accumulated(s, x, dx_expected);
        harness_add_accumulated(s, t, dt_expected);
    }
    check_array("loss", &loss, &expected, one, &TOLERANCE_SUM);
    check_array("dx", dx, dx_expected, s, &TOLERANCE_ELEMENTWISE);
    if (t_tensor)
        check_array("dt", dt, dt_expected, s, &TOLERANCE_ELEMENTWISE);
}

static void test_reference(void **state)
{
    (void)state;
    for (size_t k = 0; k < ARRAY_LEN(cases); k++)
        for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
            run_case(&cases[k], shapes[i], false);
            run_case(&cases[k], shapes[i], true);
        }
}

// One logit at a time: the loss is exact from -100, where it is 4e-44 and may be
// flushed to zero, over 0 to 100; NaN stays NaN.
static void test_logits(void **state)
{
    (void)state;
    const float logits[] = { 0.0f,   1e-3f,  -1e-3f,  1.0f,   -1.0f,
                             5.0f,   -5.0f,  12.0f,   -12.0f, 30.0f,
                             -30.0f, 100.0f, -100.0f, 1e30f,  NAN };
    const struct shape one = { 1, 1, 1, 1 };
    const struct tolerance relative = { "relative", 3e-5, 0, 1e-37 };
    for (int label = 0; label < 2; label++) {
        struct harness h;
        harness_begin(&h);
        struct tensor *x = harness_weight(&h, "x", one, logits);
        struct tensor *loss = graph_gan_loss(h.graph, x, LOSS_KIND_BCE, (float)label);
        graph_backward(h.graph, loss, h.weights);
        harness_keep(&h, loss);
        for (size_t i = 0; i < ARRAY_LEN(logits); i++) {
            check_case("bce of logit %g, label %d", (double)logits[i], label);
            float value, dx;
            double wide = (double)logits[i], slope;
            if (i == 0)
                harness_prepare(&h);
            harness_write(&h, x, &logits[i]);
            harness_run(&h);
            harness_read(&h, loss, &value);
            harness_read_gradient(&h, x, &dx);
            double expected = reference_loss(LOSS_KIND_BCE, 1, &wide, NULL, label);
            reference_loss_backward(LOSS_KIND_BCE, 1, &wide, NULL, label, 1.0, &slope);
            if (isnan(wide))
                expected = (double)NAN;    // fmax hides it
            check_array("loss", &value, &expected, one, &relative);
            // s(x) - 1 has the exactness of 1.
            const struct tolerance slopes = { "slope", 3e-5, 0, label ? 2e-7 : 1e-37 };
            check_array("dx", &dx, &slope, one, &slopes);
        }
        harness_end(&h);
    }
}

// A label for each half of the samples; what the loss sees is a slice.
static void test_halves(void **state)
{
    (void)state;
    static const struct {
        enum loss_kind kind;
        float labels[2];
    } halves[] = {
        { LOSS_KIND_BCE, { 0.0f, 1.0f } },    { LOSS_KIND_MSE, { 0.0f, 1.0f } },
        { LOSS_KIND_HINGE, { -1.0f, 1.0f } }, { LOSS_KIND_MEAN, { 1.0f, -1.0f } },
        { LOSS_KIND_HINGE, { 1.0f, 1.0f } },
    };
    static const struct shape all[] = { { 2, 1, 1, 1 },
                                        { 4, 3, 5, 7 },
                                        { 6, 1, 9, 31 } };
    const struct shape two = { 1, 2, 1, 1 };
    for (size_t k = 0; k < ARRAY_LEN(halves) * ARRAY_LEN(all); k++) {
        const struct shape s = all[k % ARRAY_LEN(all)];
        const enum loss_kind kind = halves[k / ARRAY_LEN(all)].kind;
        const float *labels = halves[k / ARRAY_LEN(all)].labels;
        char text[SHAPE_TEXT_SIZE];
        check_case("halves, kind %d, %s", (int)kind, shape_text(s, text));
        struct harness h;
        harness_begin(&h);
        struct random r;
        random_init(&r, 13, k);
        float *x = check_random_floats(&r, s), *dx = check_floats(s);
        float loss[2], dloss[2];
        double *wide = check_widen(x, s), *dx_expected = check_doubles(s), expected[2];
        struct tensor *x_tensor = harness_weight(&h, "x", s, x);
        struct tensor *part = graph_scale(h.graph, x_tensor, 1.0f);
        harness_keep(&h, graph_concat(h.graph, graph_tanh(h.graph, x_tensor), part));
        struct tensor *losses =
            graph_gan_loss_halves(h.graph, part, kind, labels[0], labels[1]);
        harness_run_backward(&h, losses, false, loss, dloss);
        harness_read_gradient(&h, x_tensor, dx);
        harness_end(&h);
        const size_t half = (size_t)shape_count(s) / 2;
        for (size_t i = 0; i < 2; i++) {
            const double label = (double)labels[i];
            expected[i] = reference_loss(kind, half, wide + i * half, NULL, label);
            reference_loss_backward(kind, half, wide + i * half, NULL, label,
                                    (double)dloss[i], dx_expected + i * half);
        }
        check_array("loss", loss, expected, two, &TOLERANCE_SUM);
        check_array("dx", dx, dx_expected, s, &TOLERANCE_ELEMENTWISE);
    }
}

// On the edge of the hinge the slope is 0, and NaN is not lost in it.
static void test_hinge(void **state)
{
    (void)state;
    const struct shape four = { 1, 4, 1, 1 }, one = { 1, 1, 1, 1 };
    const float x[] = { 1.0f, 2.0f, -1.0f, 0.5f }, nan = NAN;
    float loss, dx[4];
    struct harness h;
    harness_begin(&h);
    struct tensor *x_tensor = harness_weight(&h, "x", four, x);
    struct tensor *of_nan = graph_gan_loss(h.graph, harness_input(&h, "nan", one, &nan),
                                           LOSS_KIND_HINGE, 1.0f);
    struct tensor *y = graph_gan_loss(h.graph, x_tensor, LOSS_KIND_HINGE, 1.0f);
    harness_keep(&h, y);
    harness_keep(&h, of_nan);
    graph_backward(h.graph, y, h.weights);
    harness_run(&h);
    harness_read(&h, y, &loss);
    harness_read_gradient(&h, x_tensor, dx);
    assert_true(loss == 2.5f / 4);
    assert_true(dx[0] == 0.0f && dx[1] == 0.0f && dx[2] == -0.25f && dx[3] == -0.25f);
    harness_read(&h, of_nan, &loss);
    assert_true(isnan(loss));
    harness_end(&h);
}

// Two losses as one tensor, with gradients that differ.
static struct tensor *build_stacked(struct harness *h, void *user)
{
    (void)user;
    const struct shape s = { 2, 1, 2, 3 };
    struct random r;
    random_init(&r, 12, 12);
    float *x = check_random_floats(&r, s);
    struct tensor *t = harness_weight(h, "x", s, x);
    struct tensor *losses = graph_concat(
        h->graph, graph_gan_loss(h->graph, t, LOSS_KIND_MSE, 0.5f),
        graph_concat(h->graph, graph_gan_loss(h->graph, t, LOSS_KIND_BCE, 1.0f),
                     graph_l1(h->graph, t, NULL, 3.0f)));
    return graph_tanh(h->graph, losses);
}

static struct tensor *build_l1(struct graph *g, struct tensor *a, struct tensor *b)
{
    return graph_l1(g, a, b, 1.0f);
}

static void test_mismatch(void **state)
{
    (void)state;
    harness_check_misfit(build_l1, (struct shape){ 1, 2, 4, 4 },
                         (struct shape){ 1, 2, 4, 5 }, "1x2x4x5");
}

static struct tensor *build_gradient(struct harness *h, void *user)
{
    const struct shape s = { 1, 2, 3, 3 };
    const struct loss_case *c = user;
    struct random r;
    random_init(&r, 8, 8);
    float *x = check_random_floats(&r, s), *t = check_floats(s);
    for (size_t i = 0; i < shape_count(s); i++)    // away from the kink
        t[i] = x[i] + (i % 2 ? 0.7f : -0.9f);
    struct tensor *x_tensor = harness_weight(h, "x", s, x);
    struct tensor *t_tensor = c->has_target ? harness_weight(h, "t", s, t) : NULL;
    return build(h->graph, c, x_tensor, t_tensor);
}

static void test_gradient(void **state)
{
    (void)state;
    gradient_check(
        &(struct gradient_options){ .name = "stacked losses", .build = build_stacked });
    for (size_t k = 0; k < ARRAY_LEN(cases); k++)
        gradient_check(&(struct gradient_options){ .name = cases[k].name,
                                                   .build = build_gradient,
                                                   .user = (void *)&cases[k] });
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        check_test(test_reference), check_test(test_logits),
        check_test(test_halves),    check_test(test_hinge),
        check_test(test_mismatch),  check_test(test_gradient),
    };
    return cmocka_run_group_tests(tests, test_gpu_open, test_gpu_close);
}
