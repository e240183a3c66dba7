// SPDX-License-Identifier: MIT
//
// The gradient penalty: its parts against the reference, then the whole of a small
// discriminator, whose input gradient is built of ordinary nodes that share its
// weights.

#include <math.h>
#include <string.h>

#include "base/log.h"
#include "selftest/reference_conv.h"
#include "support/gradient.h"
#include "support/reference.h"

#define WEIGHT 10.0
#define SLOPE 0.2

static const struct shape number = { 1, 1, 1, 1 };

static const struct shape shapes[] = {
    { 1, 1, 1, 1 }, { 1, 3, 5, 7 },    { 3, 2, 9, 4 },
    { 2, 1, 1, 1 }, { 3, 3, 130, 67 }, { 130, 1, 1, 3 },
};

// ---------------------------------------------------------------------------
// The parts

static void run_penalty(struct shape s, bool accumulate)
{
    char text[SHAPE_TEXT_SIZE];
    check_case("penalty %s%s", shape_text(s, text), accumulate ? " accumulate" : "");
    struct harness h;
    harness_begin(&h);
    struct random r;
    random_init(&r, 7, shape_count(s));
    float *x = check_random_floats(&r, s), *dx = check_floats(s);
    if (s.n > 1)    // the last sample has no length
        memset(x + (s.n - 1) * (size_t)shape_run(s), 0, shape_run(s) * sizeof(x[0]));
    float y, dy;
    struct tensor *x_tensor = harness_weight(&h, "x", s, x);
    harness_run_backward(&h, graph_gradient_penalty(h.graph, x_tensor, (float)WEIGHT),
                         accumulate, &y, &dy);
    harness_read_gradient(&h, x_tensor, dx);
    harness_end(&h);

    double *wide = check_widen(x, s), *dx_expected = check_doubles(s);
    const double expected = reference_penalty(s, wide, WEIGHT);
    reference_penalty_backward(s, wide, WEIGHT, (double)dy, dx_expected);
    if (accumulate)
        harness_add_accumulated(s, x, dx_expected);
    check_array("y", &y, &expected, number, &TOLERANCE_SUM);
    check_array("dx", dx, dx_expected, s, &TOLERANCE_SUM);
}

static void test_penalty(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
        run_penalty(shapes[i], false);
        run_penalty(shapes[i], true);
    }
    run_penalty((struct shape){ 2, 5, 500, 501 }, false);
}

// y = x * (h > 0 ? 1 : slope), and nothing for h.
static void test_mask(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
        const struct shape s = shapes[i];
        char text[SHAPE_TEXT_SIZE];
        check_case("mask %s", shape_text(s, text));
        struct harness h;
        harness_begin(&h);
        struct random r;
        random_init(&r, 8, i);
        float *x = check_random_floats(&r, s), *mask = check_random_floats(&r, s);
        float *y = check_floats(s), *dy = check_floats(s), *dx = check_floats(s);
        float *dmask = check_floats(s);
        struct tensor *x_tensor = harness_weight(&h, "x", s, x);
        struct tensor *mask_tensor = harness_weight(&h, "mask", s, mask);
        struct tensor *twice = graph_scale(h.graph, mask_tensor, 2.0f);
        // Also a weight itself, and slices.
        struct tensor *out = graph_mask(h.graph, x_tensor, mask_tensor, (float)SLOPE);
        out = graph_mask(h.graph, out, twice, 1.0f);
        graph_concat(h.graph, twice, out);
        harness_run_backward(&h, out, false, y, dy);
        harness_read_gradient(&h, x_tensor, dx);
        harness_read_gradient(&h, mask_tensor, dmask);
        harness_end(&h);
        double *x_wide = check_widen(x, s), *mask_wide = check_widen(mask, s);
        double *dy_wide = check_widen(dy, s), *expected = check_doubles(s);
        const size_t count = (size_t)shape_count(s);
        reference_activation_backward(ACTIVATION_KIND_LEAKY, SLOPE, count, mask_wide,
                                      x_wide, expected);
        check_array("y", y, expected, s, &TOLERANCE_ELEMENTWISE);
        reference_activation_backward(ACTIVATION_KIND_LEAKY, SLOPE, count, mask_wide,
                                      dy_wide, expected);
        check_array("dx", dx, expected, s, &TOLERANCE_ELEMENTWISE);
        for (size_t k = 0; k < count; k++)
            assert_true(dmask[k] == 0.0f);
    }
}

static void test_interpolate(void **state)
{
    (void)state;
    static const float alphas[] = { 0.0f, 0.25f, 1.0f, -1.0f };
    for (size_t i = 0; i < ARRAY_LEN(shapes) * ARRAY_LEN(alphas); i++) {
        const struct shape s = shapes[i / ARRAY_LEN(alphas)];
        const float alpha = alphas[i % ARRAY_LEN(alphas)];
        char text[SHAPE_TEXT_SIZE];
        check_case("interpolate %s by %g", shape_text(s, text), (double)alpha);
        struct harness h;
        harness_begin(&h);
        h.step.step = 5;
        struct random r;
        random_init(&r, 9, i);
        float *a = check_random_floats(&r, s), *b = check_random_floats(&r, s);
        float *y[2] = { check_floats(s), check_floats(s) };
        struct tensor *a_tensor = harness_weight(&h, "a", s, a);
        struct tensor *b_tensor = harness_input(&h, "b", s, b);
        struct tensor *out[2];
        // The second reads and writes slices.
        out[0] = graph_interpolate(h.graph, a_tensor, b_tensor, alpha);
        struct tensor *slice = graph_scale(h.graph, a_tensor, 1.0f);
        struct tensor *joint = graph_concat(h.graph, b_tensor, slice);
        out[1] = graph_interpolate(h.graph, slice, b_tensor, alpha);
        harness_keep(&h, graph_concat(h.graph, out[1], joint));
        harness_keep(&h, out[0]);
        harness_keep(&h, out[1]);
        // Nothing flows back.
        struct tensor *loss = graph_gan_loss(h.graph, out[0], LOSS_KIND_MEAN, 1.0f);
        graph_backward(h.graph, loss, h.weights);
        harness_run(&h);
        harness_read(&h, out[0], y[0]);
        harness_read(&h, out[1], y[1]);
        const struct step_block step = h.step;
        float *da = check_floats(s);
        harness_read_gradient(&h, a_tensor, da);
        harness_end(&h);
        double *expected = check_doubles(s);
        for (uint32_t stream = 0; stream < 2; stream++) {
            for (size_t k = 0; k < shape_count(s); k++) {
                uint32_t sample = (uint32_t)(k / shape_run(s));
                double t =
                    alpha < 0 ? reference_alpha(&step, stream, sample) : (double)alpha;
                expected[k] = t * (double)a[k] + (1 - t) * (double)b[k];
            }
            const struct tolerance rounding = { "rounding", 2e-6, 1e-6, 1e-7 };
            check_array("y", y[stream], expected, s, &rounding);
        }
        for (size_t k = 0; k < shape_count(s); k++)
            assert_true(da[k] == 0.0f);
    }
}

static void test_fill(void **state)
{
    (void)state;
    const struct shape s = { 2, 3, 5, 7 };
    struct harness h;
    harness_begin(&h);
    struct tensor *y = graph_fill(h.graph, s, -0.75f);
    harness_keep(&h, y);
    float *values = check_floats(s);
    harness_run(&h);
    harness_read(&h, y, values);
    for (size_t i = 0; i < shape_count(s); i++)
        assert_true(values[i] == -0.75f);
    harness_end(&h);
}

static struct tensor *build_mask(struct graph *g, struct tensor *a, struct tensor *b)
{
    return graph_mask(g, a, b, 0.5f);
}

static struct tensor *build_interpolate(struct graph *g, struct tensor *a,
                                        struct tensor *b)
{
    return graph_interpolate(g, a, b, 0.5f);
}

// b as the weights of a convolution whose input had 5x5 elements.
static struct tensor *build_conv_gradient(struct graph *g, struct tensor *a,
                                          struct tensor *b)
{
    struct tensor *like =
        graph_input(g, "like", (struct shape){ 1, 2, 5, 5 }, TENSOR_F32);
    return graph_conv_gradient(
        g, a, b, like, (struct conv_attributes){ .kernel = 4, .stride = 2, .pad = 1 });
}

static void test_mismatch(void **state)
{
    (void)state;
    const struct shape a = { 1, 2, 4, 4 }, b = { 1, 2, 4, 5 };
    harness_check_misfit(build_mask, a, b, "1x2x4x5");
    harness_check_misfit(build_interpolate, a, b, "1x2x4x5");
    harness_check_misfit(build_conv_gradient, (struct shape){ 1, 3, 2, 3 },
                         (struct shape){ 3, 2, 4, 4 }, "1x3x2x3");
}

// ---------------------------------------------------------------------------
// The whole

enum { LAYERS = 3 };

// Odd and even sizes: the transposed convolutions have no size of their own.
static const struct shape sizes[LAYERS + 1] = {
    { 2, 3, 13, 10 }, { 2, 4, 6, 5 }, { 2, 5, 3, 2 }, { 2, 1, 2, 1 }
};

static struct conv_attributes layer(int i)
{
    return (struct conv_attributes){ .kernel = 4,
                                     .stride = i < 2 ? 2 : 1,
                                     .pad = 1,
                                     .leaky = i > 0,
                                     .slope = (float)SLOPE };
}

static struct shape weight_shape(int i)
{
    return (struct shape){ sizes[i + 1].c, sizes[i].c, 4, 4 };
}

struct critic {
    float *w[LAYERS], *b[LAYERS];
    float *fake, *real;
    float alpha;
    struct tensor *between;    // what it judges
    struct tensor *slope;      // its gradient by that
};

static void critic_begin(struct critic *c, float alpha, float bias)
{
    struct random r;
    random_init(&r, 40, 0);
    *c = (struct critic){ .alpha = alpha };
    for (int i = 0; i < LAYERS; i++) {
        const struct shape channels = { 1, sizes[i + 1].c, 1, 1 };
        c->w[i] = check_random_floats(&r, weight_shape(i));
        c->b[i] = check_random_floats(&r, channels);
        for (size_t k = 0; k < shape_count(weight_shape(i)); k++)
            c->w[i][k] *= 0.25f;
        for (size_t k = 0; bias > 0 && k < channels.c; k++)
            c->b[i][k] = k % 2 ? bias : -bias;
    }
    c->fake = check_random_floats(&r, sizes[0]);
    c->real = check_random_floats(&r, sizes[0]);
}

// Judges, and appends the gradient of the sum of what it says. The penalty.
static struct tensor *critic_build(struct critic *c, struct harness *h)
{
    struct graph *g = h->graph;
    static const char *const names[] = { "w0", "w1", "w2", "b0", "b1", "b2" };
    struct tensor *w[LAYERS], *b[LAYERS], *x[LAYERS + 1];
    for (int i = 0; i < LAYERS; i++) {
        const struct shape channels = { 1, sizes[i + 1].c, 1, 1 };
        w[i] = harness_weight(h, names[i], weight_shape(i), c->w[i]);
        b[i] =
            harness_weight_kind(h, WEIGHT_BIAS, names[LAYERS + i], channels, c->b[i]);
    }
    x[0] = graph_interpolate(g, harness_input(h, "real", sizes[0], c->real),
                             harness_input(h, "fake", sizes[0], c->fake), c->alpha);
    for (int i = 0; i < LAYERS; i++)
        x[i + 1] = graph_conv(g, x[i], w[i], b[i], layer(i));
    struct tensor *slope = graph_fill(g, sizes[LAYERS], 1.0f);
    for (int i = LAYERS; i-- > 0;) {
        slope = graph_conv_gradient(g, slope, w[i], x[i], layer(i));
        if (i > 0)
            slope = graph_mask(g, slope, x[i], (float)SLOPE);
    }
    c->between = x[0];
    c->slope = slope;
    return graph_gradient_penalty(g, slope, (float)WEIGHT);
}

// The reference: the activations before their leaky ReLUs, and the sum of the last.
struct judged {
    double *x[LAYERS + 1];    // x[i + 1] = conv(a[i])
    double *a[LAYERS];        // a[i] = leaky(x[i]), a[0] = x[0]
    double *slope;            // of the sum by x[0]
    double *w[LAYERS], *b[LAYERS];
};

static void judged_begin(struct judged *j, const struct critic *c, const float *input)
{
    for (int i = 0; i <= LAYERS; i++)
        j->x[i] = check_doubles(sizes[i]);
    for (int i = 0; i < LAYERS; i++) {
        const struct shape channels = { 1, sizes[i + 1].c, 1, 1 };
        j->a[i] = check_doubles(sizes[i]);
        j->w[i] = check_widen(c->w[i], weight_shape(i));
        j->b[i] = check_widen(c->b[i], channels);
    }
    for (size_t k = 0; k < shape_count(sizes[0]); k++)
        j->x[0][k] = (double)input[k];
    j->slope = check_doubles(sizes[0]);
}

static double judge(struct judged *j)
{
    for (int i = 0; i < LAYERS; i++) {
        reference_activation_forward(ACTIVATION_KIND_LEAKY, i ? SLOPE : 1.0,
                                     (size_t)shape_count(sizes[i]), j->x[i], j->a[i]);
        reference_conv_forward(layer(i), sizes[i], sizes[i + 1].c, j->a[i], j->w[i],
                               j->b[i], j->x[i + 1]);
    }
    double sum = 0;
    for (size_t k = 0; k < shape_count(sizes[LAYERS]); k++)
        sum += j->x[LAYERS][k];
    return sum;
}

// The penalty by the definition of the gradient of each layer.
static double judge_penalty(struct judged *j)
{
    judge(j);
    double *dy = check_doubles(sizes[LAYERS]);
    for (size_t k = 0; k < shape_count(sizes[LAYERS]); k++)
        dy[k] = 1;
    for (int i = LAYERS; i-- > 0;) {
        double *dx = check_doubles(sizes[i]);
        double *dw = check_doubles(weight_shape(i));
        double *db = check_doubles((struct shape){ 1, sizes[i + 1].c, 1, 1 });
        reference_conv_backward(layer(i), sizes[i], sizes[i + 1].c, j->a[i], j->w[i],
                                dy, dx, dw, db);
        reference_activation_backward(ACTIVATION_KIND_LEAKY, i ? SLOPE : 1.0,
                                      (size_t)shape_count(sizes[i]), j->x[i], dx, dx);
        dy = dx;
    }
    memcpy(j->slope, dy, (size_t)shape_count(sizes[0]) * sizeof(dy[0]));
    return reference_penalty(sizes[0], j->slope, WEIGHT);
}

// What the nodes say is the derivative of what D says, the penalty is that of it, and
// its gradient is the derivative by every weight; a fixed alpha and drawn ones.
static void test_input_gradient(void **state)
{
    (void)state;
    for (int drawn = 0; drawn < 2; drawn++) {
        check_case("input gradient, alpha %s", drawn ? "drawn" : "0.3");
        struct critic c;
        critic_begin(&c, drawn ? -1.0f : 0.3f, 0.0f);
        struct harness h;
        harness_begin(&h);
        struct tensor *penalty = critic_build(&c, &h);
        graph_backward(h.graph, penalty, h.weights);
        harness_keep(&h, penalty);
        harness_keep(&h, c.between);
        harness_keep(&h, c.slope);
        harness_run(&h);
        float *input = check_floats(sizes[0]), *slope = check_floats(sizes[0]), value;
        harness_read(&h, c.between, input);
        harness_read(&h, c.slope, slope);
        harness_read(&h, penalty, &value);

        struct judged j;
        judged_begin(&j, &c, input);
        const double step = 1e-6;
        double *expected = check_doubles(sizes[0]);
        for (size_t k = 0; k < shape_count(sizes[0]); k++) {
            const double before = j.x[0][k];
            j.x[0][k] = before + step;
            const double high = judge(&j);
            j.x[0][k] = before - step;
            expected[k] = (high - judge(&j)) / (2 * step);
            j.x[0][k] = before;
        }
        check_array("the slope", slope, expected, sizes[0], &TOLERANCE_SUM);
        check_number("the penalty", (double)value, judge_penalty(&j), &TOLERANCE_SUM);
        check_array("the slope", slope, j.slope, sizes[0], &TOLERANCE_SUM);

        for (int i = 0; i < LAYERS; i++) {
            const struct shape s = weight_shape(i), channels = { 1, s.n, 1, 1 };
            float *dw = check_floats(s), *db = check_floats(channels);
            double *dw_expected = check_doubles(s);
            harness_read_gradient(&h, &h.weights->items[2 * i]->value, dw);
            harness_read_gradient(&h, &h.weights->items[2 * i + 1]->value, db);
            for (size_t k = 0; k < shape_count(s); k++) {
                const double before = j.w[i][k];
                j.w[i][k] = before + step;
                const double high = judge_penalty(&j);
                j.w[i][k] = before - step;
                dw_expected[k] = (high - judge_penalty(&j)) / (2 * step);
                j.w[i][k] = before;
            }
            check_array(h.weights->items[2 * i]->name, dw, dw_expected, s,
                        &TOLERANCE_NETWORK);
            // The slope is the same beside every kink: the biases get nothing.
            for (size_t k = 0; k < channels.c; k++)
                assert_true(db[k] == 0.0f);
        }
        harness_end(&h);
    }
}

// With biases that keep every activation on its side.
static struct tensor *build_gradient(struct harness *h, void *user)
{
    (void)user;
    struct critic c;
    critic_begin(&c, 0.5f, 8.0f);
    struct tensor *penalty = critic_build(&c, h);
    return penalty;
}

static void test_gradient(void **state)
{
    (void)state;
    gradient_check(&(struct gradient_options){ .name = "gradient penalty",
                                               .build = build_gradient });
}

// The weights have gradients of three nodes: D judges twice, and the penalty. Those of
// a fused update are those of one apart from the backward pass.
static void test_update(void **state)
{
    (void)state;
    const struct optimizer adam = {
        .kind = OPTIMIZER_ADAM, .beta1 = 0.5, .beta2 = 0.999, .epsilon = 1e-8
    };
    float *values[2][2 * LAYERS];
    size_t updates[2] = { 0 };
    for (int fused = 0; fused < 2; fused++) {
        struct critic c;
        critic_begin(&c, -1.0f, 0.0f);
        struct harness h;
        harness_begin(&h);
        struct graph *g = h.graph;
        struct tensor *loss = critic_build(&c, &h);
        struct tensor *y = harness_input(&h, "pairs", sizes[0], c.real);
        for (int i = 0; i < LAYERS; i++)
            y = graph_conv(g, y, &h.weights->items[2 * i]->value,
                           &h.weights->items[2 * i + 1]->value, layer(i));
        // Three numbers, whose sum is the loss.
        loss = graph_concat(g, graph_gan_loss_halves(g, y, LOSS_KIND_MEAN, 1.0f, -1.0f),
                            loss);
        if (fused) {
            graph_minimize(g, loss, h.weights, &adam);
        } else {
            graph_backward(g, loss, h.weights);
            graph_update(g, h.weights, &adam);
        }
        assert_false(graph_failed(g));
        for (size_t i = 0; i < graph_call_count(g); i++)
            updates[fused] += graph_call(g, i)->shader == SHADER_ADAM;
        for (uint32_t step = 1; step <= 3; step++) {
            h.step.step = step;
            h.step.adam_step_size = (float)(1e-3 / (1 - pow(0.5, step)));
            h.step.adam_root = (float)sqrt(1 - pow(0.999, step));
            harness_run(&h);
        }
        for (size_t i = 0; i < 2 * LAYERS; i++) {
            const struct tensor *value = &h.weights->items[i]->value;
            values[fused][i] = check_floats(value->shape);
            harness_read(&h, value, values[fused][i]);
        }
        harness_end(&h);
    }
    // The biases remain.
    assert_int_equal(updates[0], 2 * LAYERS);
    assert_int_equal(updates[1], LAYERS);
    for (int i = 0; i < 2 * LAYERS; i++) {
        check_case("updated weight %d", i);
        const struct shape s =
            i % 2 ? (struct shape){ 1, sizes[i / 2 + 1].c, 1, 1 } : weight_shape(i / 2);
        double *expected = check_widen(values[0][i], s);
        check_array("w", values[1][i], expected, s, &TOLERANCE_NETWORK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        check_test(test_penalty),     check_test(test_mask),
        check_test(test_interpolate), check_test(test_fill),
        check_test(test_mismatch),    check_test(test_input_gradient),
        check_test(test_gradient),    check_test(test_update),
    };
    return cmocka_run_group_tests(tests, test_gpu_open, test_gpu_close);
}
