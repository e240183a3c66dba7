// SPDX-License-Identifier: MIT
//
// What runs in one pass gives what it gives in several: activations on load, tanh on
// store, dropout after a norm, slices instead of copies, optimisers in the kernel that
// completes a gradient. The same small network is trained both ways.

#include <math.h>
#include <string.h>

#include "ops/conv_variant.h"
#include "support/gpu.h"
#include "support/reference.h"

#define STEPS 3

static const struct optimizer adam = {
    .kind = OPTIMIZER_ADAM, .beta1 = 0.5, .beta2 = 0.999, .epsilon = 1e-8
};

static const struct optimizer sgd = { .kind = OPTIMIZER_SGD, .momentum = 0.9 };

struct built {
    struct harness h;
    struct tensor *out;
};

static struct tensor *weight(struct harness *h, const char *name, struct shape s)
{
    struct random r;
    random_init(&r, 31, (uint64_t)name[0] * 256 + (uint64_t)name[1]);
    float *values = check_random_floats(&r, s);
    for (size_t i = 0; i < shape_count(s); i++)
        values[i] *= 0.3f;
    struct tensor *t = harness_weight(h, name, s, values);
    return t;
}

static struct tensor *conv(struct harness *h, bool fused, bool transpose,
                           struct tensor *x, struct tensor *w, struct tensor *b,
                           struct conv_attributes a)
{
    if (!fused) {
        if (a.leaky)
            x = graph_leaky_relu(h->graph, x, a.slope);
        const bool tanh_last = a.tanh;
        a.leaky = a.tanh = false;
        x = transpose ? graph_conv_transpose(h->graph, x, w, b, a)
                      : graph_conv(h->graph, x, w, b, a);
        return tanh_last ? graph_tanh(h->graph, x) : x;
    }
    return transpose ? graph_conv_transpose(h->graph, x, w, b, a)
                     : graph_conv(h->graph, x, w, b, a);
}

// A U-Net of two levels whose inner weights are used a second time.
static void build(struct built *b, bool fused, struct op_limits limits, bool shares,
                  const struct optimizer *optimizer)
{
    const struct shape s = { 2, 3, 10, 8 };
    const struct conv_attributes down = {
        .kernel = 4, .stride = 2, .pad = 1, .leaky = true, .slope = 0.2f
    };
    const struct conv_attributes same = {
        .kernel = 3, .stride = 1, .pad = 1, .leaky = true, .slope = 0.2f
    };
    struct conv_attributes last = down;
    last.slope = 0.0f;
    last.tanh = true;
    struct harness *h = &b->h;
    harness_begin(h);
    harness_set_limits(h, limits);
    struct random r;
    random_init(&r, 30, 30);
    float *x = check_random_floats(&r, s), *goal = check_random_floats(&r, s);
    struct tensor *in = harness_input(h, "in", s, x);
    struct tensor *target = harness_input(h, "target", s, goal);
    struct tensor *inner = weight(h, "cc", (struct shape){ 5, 5, 3, 3 });

    struct tensor *skip =
        conv(h, fused, false, in, weight(h, "aa", (struct shape){ 4, 3, 4, 4 }),
             weight(h, "ab", (struct shape){ 1, 4, 1, 1 }), down);
    struct tensor *y = conv(h, fused, false, skip,
                            weight(h, "ba", (struct shape){ 5, 4, 3, 3 }), NULL, same);
    const struct norm_attributes norm = { .epsilon = 1e-5f,
                                          .momentum = 0.1f,
                                          .update_running = true };
    struct norm_attributes drops = norm;
    drops.dropout = fused ? 0.5f : 0.0f;
    const float ones[] = { 1, 1, 1, 1, 1 };
    struct tensor *affine = harness_norm(h, 5, ones, NULL, NULL, ones);
    y = graph_norm(h->graph, y, affine, drops);
    if (!fused)
        y = graph_dropout(h->graph, y, 0.5f);
    y = conv(h, fused, false, y, inner, NULL, same);
    if (shares)
        y = graph_norm(h->graph, conv(h, fused, false, y, inner, NULL, same), affine,
                       norm);
    y = graph_concat(h->graph, skip, y);
    b->out = conv(h, fused, true, y, weight(h, "da", (struct shape){ 9, 3, 4, 4 }),
                  weight(h, "db", (struct shape){ 1, 3, 1, 1 }), last);
    struct tensor *loss = graph_mse(h->graph, b->out, target);
    if (fused) {
        graph_minimize(h->graph, loss, h->weights, optimizer);
    } else {
        graph_backward(h->graph, loss, h->weights);
        graph_update(h->graph, h->weights, optimizer);
    }
    assert_false(graph_failed(h->graph));
    harness_keep(h, b->out);
}

static void check_equal(struct harness *a, struct harness *b, const struct tensor *t,
                        const struct tensor *u, const char *what)
{
    float *x = check_floats(t->shape), *y = check_floats(t->shape);
    if (t->weight) {
        assert_true(tensor_download(test_gpu(), t, x));
        assert_true(tensor_download(test_gpu(), u, y));
    } else {
        harness_read(a, t, x);
        harness_read(b, u, y);
    }
    double *expected = check_widen(y, t->shape);
    check_array(what, x, expected, t->shape, &TOLERANCE_NETWORK);
}

static bool is_all_finite(const struct tensor *t)
{
    float *values = check_floats(t->shape);
    assert_true(tensor_download(test_gpu(), t, values));
    for (size_t i = 0; i < shape_count(t->shape); i++)
        if (!isfinite(values[i]))
            return false;
    return true;
}

// Every weight whose value or moments are not finite is flagged, and no other. Returns
// how many there are.
static uint32_t check_flags(const struct harness *h)
{
    uint32_t broken = 0;
    for (size_t i = 0; i < h->weights->count; i++) {
        const struct weight *w = h->weights->items[i];
        float flag;
        assert_true(tensor_download(test_gpu(), &w->flag, &flag));
        const bool is_finite =
            is_all_finite(&w->value) &&
            (!weight_is_trained(w) || (is_all_finite(&w->m) && is_all_finite(&w->v)));
        if ((flag == 0.0f) != is_finite)
            fail_msg("the flag of %s is %g", w->name, (double)flag);
        broken += !is_finite;
    }
    return broken;
}

// Losses that are not finite, and those whose gradients overflow in a moment alone: a
// mean of squares has the gradient 2 (y - target) / count, and y goes through tanh.
static void break_weights(struct built *b)
{
    const struct tensor *in = b->h.inputs[0].tensor, *goal = b->h.inputs[1].tensor;
    float *values = check_floats(goal->shape);
    assert_int_equal(check_flags(&b->h), 0);
    for (size_t i = 0; i < shape_count(goal->shape); i++)
        values[i] = i == 0 ? 1e25f : 0.0f;
    harness_write(&b->h, b->h.inputs[1].tensor, values);
    harness_run(&b->h);
    const uint32_t few = check_flags(&b->h);
    // A sum of squares that overflows leaves an output of zeros: running variances
    // only.
    values = check_floats(in->shape);
    for (size_t i = 0; i < shape_count(in->shape); i++)
        values[i] = (float)i * 1e30f;
    harness_write(&b->h, b->h.inputs[0].tensor, values);
    harness_run(&b->h);
    const uint32_t most = check_flags(&b->h);
    assert_true(few <= most && most > 0);
}

static void run(const char *name, struct op_limits limits, bool shares,
                const struct optimizer *optimizer)
{
    struct built fused, apart;
    build(&fused, true, limits, shares, optimizer);
    limits.force = conv_variant_find("simple");
    build(&apart, false, limits, shares, optimizer);
    for (uint32_t step = 1; step <= STEPS; step++) {
        check_case("%s%s, step %u", name, shares ? ", weights used twice" : "",
                   (unsigned)step);
        fused.h.step.step = step;
        fused.h.step.adam_step_size = (float)(1e-3 / (1 - pow(0.5, step)));
        fused.h.step.adam_root = (float)sqrt(1 - pow(0.999, step));
        apart.h.step = fused.h.step;
        harness_run(&fused.h);
        harness_run(&apart.h);
        check_equal(&fused.h, &apart.h, fused.out, apart.out, "y");
    }
    assert_true(graph_call_count(fused.h.graph) < graph_call_count(apart.h.graph));
    for (size_t i = 0; i < fused.h.weights->count; i++) {
        const struct weight *w = fused.h.weights->items[i];
        const struct weight *v = apart.h.weights->items[i];
        check_equal(&fused.h, &apart.h, &w->value, &v->value, w->name);
        if (weight_is_trained(w)) {
            check_equal(&fused.h, &apart.h, &w->m, &v->m, w->name);
            check_equal(&fused.h, &apart.h, &w->v, &v->v, w->name);
        }
    }
    break_weights(&fused);
    break_weights(&apart);
    harness_end(&fused.h);
    harness_end(&apart.h);
}

static void test_networks(void **state)
{
    (void)state;
    struct op_limits small = test_gpu_limits();
    small.max_binding = 4096;    // some states do not fit a binding
    struct op_limits split = test_gpu_limits();
    split.loop_iterations = 100;    // sums in several calls
    struct op_limits simple = test_gpu_limits(), simple_split = split;
    simple.force = simple_split.force = conv_variant_find("simple");
    for (int shares = 0; shares < 2; shares++) {
        run("default kernels", test_gpu_limits(), shares, &adam);
        run("kernels for guaranteed limits", test_guaranteed_limits(), shares, &adam);
        run("small bindings", small, shares, &adam);
        run("split sums", split, shares, &adam);
        run("simple kernels", simple, shares, &adam);
        run("simple kernels, split sums", simple_split, shares, &adam);
        run("sgd", test_gpu_limits(), shares, &sgd);
        run("sgd, split sums", split, shares, &sgd);
    }
}

// Momentum in PyTorch's form, by the gradients that the step leaves: no kernel that
// completes one may have done anything else with it.
static void test_sgd(void **state)
{
    (void)state;
    for (int shares = 0; shares < 2; shares++) {
        struct built b;
        build(&b, true, test_gpu_limits(), shares, &sgd);
        struct harness *h = &b.h;
        harness_prepare(h);
        double *value[16], *velocity[16];
        const size_t count = h->weights->count;
        assert_true(count <= ARRAY_LEN(value));
        for (size_t i = 0; i < count; i++) {
            const struct tensor *t = &h->weights->items[i]->value;
            float *start = check_floats(t->shape);
            harness_read(h, t, start);
            value[i] = check_widen(start, t->shape);
            velocity[i] = check_doubles(t->shape);
        }
        for (uint32_t step = 1; step <= STEPS; step++) {
            h->step.step = step;
            h->step.lr = 0.125f / (float)step;
            harness_run(h);
            for (size_t i = 0; i < count; i++) {
                struct weight *w = h->weights->items[i];
                if (!weight_is_trained(w))
                    continue;
                check_case("sgd%s, step %u, %s", shares ? ", weights used twice" : "",
                           (unsigned)step, w->name);
                const struct shape s = w->value.shape;
                float *g = check_floats(s), *actual = check_floats(s);
                harness_read_gradient(h, &w->value, g);
                harness_read(h, &w->value, actual);
                double *g_wide = check_widen(g, s);
                double largest = 0;
                for (size_t k = 0; k < shape_count(s); k++)
                    largest = fmax(largest, fabs(g_wide[k]));
                assert_true(largest > 0);
                reference_sgd((size_t)shape_count(s), (double)h->step.lr, sgd.momentum,
                              g_wide, value[i], velocity[i]);
                check_array("w", actual, value[i], s, &TOLERANCE_ELEMENTWISE);
            }
        }
        for (size_t i = 0; i < graph_call_count(h->graph); i++) {
            const enum shader shader = graph_call(h->graph, i)->shader;
            assert_true(shader != SHADER_ADAM && shader != SHADER_NORM_UPDATE);
        }
        harness_end(h);
    }
}

// An update must not overtake those who still read the weight.
static void test_other_readers(void **state)
{
    (void)state;
    const struct shape s = { 2, 2, 3, 3 };
    const struct conv_attributes a = { .kernel = 3, .stride = 1, .pad = 1 };
    float value[2][36];
    for (int fused = 0; fused < 2; fused++) {
        struct harness h;
        harness_begin(&h);
        struct graph *g = h.graph;
        struct tensor *v = weight(&h, "vv", s), *w = weight(&h, "ww", s);
        // The weights stand for inputs as well, once behind a detach, once plainly; and
        // the weights of the last convolution are not a weight.
        struct tensor *y = graph_conv(g, w, v, NULL, a);
        y = graph_tanh(g, graph_conv(g, y, graph_detach(g, w), NULL, a));
        y = graph_conv(g, graph_conv(g, y, w, NULL, a), graph_scale(g, v, 0.5f), NULL,
                       a);
        struct tensor *loss = graph_gan_loss(g, y, LOSS_KIND_MSE, 1.0f);
        if (fused) {
            graph_minimize(g, loss, h.weights, &adam);
        } else {
            graph_backward(g, loss, h.weights);
            graph_update(g, h.weights, &adam);
        }
        assert_false(graph_failed(g));
        h.step.adam_step_size = 0.01f;
        harness_run(&h);
        harness_read(&h, v, value[fused]);
        harness_end(&h);
    }
    for (int i = 0; i < 36; i++)
        assert_float_equal(value[0][i], value[1][i], 1e-4);
}

// The gradient tensors that no call uses have no memory, and nothing is copied.
static void test_what_is_left_out(void **state)
{
    (void)state;
    struct built b;
    build(&b, true, test_gpu_limits(), false, &adam);
    harness_run(&b.h);
    for (size_t i = 0; i < b.h.weights->count; i++) {
        const struct weight *w = b.h.weights->items[i];
        const bool is_bias = strcmp(w->name, "ab") == 0 || strcmp(w->name, "db") == 0;
        assert_true(!w->gradient.block == !is_bias);
    }
    for (size_t i = 0; i < graph_call_count(b.h.graph); i++) {
        enum shader shader = graph_call(b.h.graph, i)->shader;
        assert_true(shader != SHADER_CONCAT && shader != SHADER_DROPOUT &&
                    shader != SHADER_ACTIVATION_FORWARD && shader != SHADER_FILL);
    }
    harness_end(&b.h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        check_test(test_networks),
        check_test(test_sgd),
        check_test(test_other_readers),
        check_test(test_what_is_left_out),
    };
    return cmocka_run_group_tests(tests, test_gpu_open, test_gpu_close);
}
