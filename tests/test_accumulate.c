// SPDX-License-Identifier: MIT
//
// Micro-batches: the random numbers of their samples, and their accumulated gradients,
// are those of the whole batch.

#include <math.h>
#include <string.h>

#include "support/gpu.h"
#include "support/reference.h"

// Samples of an odd number of elements: their masks start anywhere in four.
static const struct shape whole = { 6, 3, 5, 7 };

enum { RANDOM = 4 };    // kinds of nodes with random numbers

static void build_random(struct graph *g, struct tensor *x, struct tensor *norm,
                         struct tensor *out[RANDOM])
{
    const struct norm_attributes attr = { .kind = NORM_INSTANCE,
                                          .epsilon = 1e-5f,
                                          .dropout = 0.4f };
    const struct norm_attributes fixed = { .epsilon = 1e-5f,
                                           .dropout = 0.4f,
                                           .fixed = true };
    out[0] = graph_dropout(g, x, 0.3f);
    out[1] = graph_norm(g, x, NULL, attr);
    out[2] = graph_norm(g, x, norm, fixed);
    out[3] = graph_interpolate(g, x, graph_scale(g, x, -1.0f), -1.0f);
}

static void test_random_numbers(void **state)
{
    (void)state;
    const float ones[] = { 1, 1, 1 };
    const size_t run = shape_run(whole);
    struct random r;
    random_init(&r, 50, 0);
    float *x = check_random_floats(&r, whole);
    float *expected[RANDOM], *actual = check_floats(whole);
    for (int k = 0; k < RANDOM; k++)
        expected[k] = check_floats(whole);
    // 6 is the whole batch.
    static const uint32_t parts[] = { 6, 1, 2, 3 };
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        const uint32_t part = parts[i];
        struct shape s = whole;
        s.n = part;
        struct harness h;
        harness_begin(&h);
        struct tensor *norm = harness_norm(&h, whole.c, ones, NULL, NULL, ones);
        struct tensor *out[6][RANDOM];
        for (uint32_t k = 0; k < whole.n / part; k++) {
            graph_begin_samples(h.graph, k * part);
            struct tensor *in = harness_input(&h, "x", s, x + k * part * run);
            build_random(h.graph, in, norm, out[k]);
            for (int j = 0; j < RANDOM; j++)
                harness_keep(&h, out[k][j]);
        }
        harness_run(&h);
        for (uint32_t k = 0; k < whole.n / part; k++)
            for (int j = 0; j < RANDOM; j++) {
                harness_read(&h, out[k][j], actual);
                if (part == whole.n)
                    memcpy(expected[j], actual, whole.n * run * sizeof(actual[0]));
                check_case("random node %d, sample %u of parts of %u", j,
                           (unsigned)(k * part), (unsigned)part);
                check_same("y", actual, expected[j] + k * part * run, s);
            }
        const struct step_block step = h.step;
        harness_end(&h);
        if (part != whole.n)
            continue;
        // They are the reference's, and the samples' differ.
        double *wide = check_widen(x, whole), *dropped = check_doubles(whole);
        reference_dropout(0.3, &step, 0, whole.n * run, wide, dropped);
        check_array("y", expected[0], dropped, whole, &TOLERANCE_ELEMENTWISE);
        size_t equal = 0;
        for (size_t k = 0; k < run; k++)
            equal += (expected[0][k] == 0) == (expected[0][run + k] == 0);
        assert_true(equal < run);
        assert_true(reference_alpha(&step, 0, 0) != reference_alpha(&step, 0, 1));
    }
}

// ---------------------------------------------------------------------------
// Gradients

static const struct optimizer optimizers[] = {
    { .kind = OPTIMIZER_ADAM, .beta1 = 0.5, .beta2 = 0.999, .epsilon = 1e-8 },
    { .kind = OPTIMIZER_SGD, .momentum = 0.9 },
};

static struct tensor *weight(struct harness *h, enum weight_kind kind, const char *name,
                             struct shape s)
{
    struct random r;
    random_init(&r, 51, (uint64_t)name[0] * 256 + (uint64_t)name[1]);
    float *values = check_random_floats(&r, s);
    for (size_t i = 0; i < shape_count(s); i++)
        values[i] *= 0.3f;
    struct tensor *t = weights_find(h->weights, name)
                           ? &weights_find(h->weights, name)->value
                           : harness_weight_kind(h, kind, name, s, values);
    return t;
}

static struct tensor *build_network(struct harness *h, struct tensor *x)
{
    struct graph *g = h->graph;
    const struct conv_attributes down = { .kernel = 4, .stride = 2, .pad = 1 };
    const struct conv_attributes up = {
        .kernel = 3, .stride = 1, .pad = 1, .leaky = true, .slope = 0.2f, .tanh = true
    };
    const struct norm_attributes norm = { .kind = NORM_INSTANCE,
                                          .epsilon = 1e-5f,
                                          .dropout = 0.5f };
    const float ones[] = { 1, 1, 1, 1, 1 };
    struct weight *scale = weights_find(h->weights, "norm.weight");
    struct tensor *affine =
        scale ? &scale->value : harness_norm(h, 5, ones, NULL, NULL, NULL);
    // A bias would have no gradient but rounding, which Adam makes large.
    struct tensor *y = graph_conv(
        g, x, weight(h, WEIGHT_CONV, "aa", (struct shape){ 5, 3, 4, 4 }), NULL, down);
    y = graph_norm(g, y, affine, norm);
    y = graph_dropout(g, y, 0.3f);
    return graph_conv_transpose(
        g, y, weight(h, WEIGHT_CONV_TRANSPOSE, "ba", (struct shape){ 5, 2, 3, 3 }),
        weight(h, WEIGHT_BIAS, "bb", (struct shape){ 1, 2, 1, 1 }), up);
}

struct results {
    float *values[8], *gradients[8];
    struct shape shapes[8];
    size_t count;
};

// One step, or three with an optimizer, in micro-batches of `part` samples.
static void run(struct results *out, uint32_t part, const struct optimizer *optimizer,
                struct op_limits limits)
{
    struct harness h;
    harness_begin(&h);
    harness_set_limits(&h, limits);
    struct graph *g = h.graph;
    struct random r;
    random_init(&r, 52, 0);
    const struct shape goals = { whole.n, 2, 2, 3 };
    float *x = check_random_floats(&r, whole), *goal = check_random_floats(&r, goals);
    struct shape s = whole, t = goals;
    s.n = t.n = part;
    const uint32_t parts = whole.n / part;
    // Nobody but the first micro-batch uses this one.
    struct tensor *once = weight(&h, WEIGHT_CONV, "once", (struct shape){ 1, 1, 1, 3 });
    for (uint32_t k = 0; k < parts; k++) {
        graph_begin_samples(g, k * part);
        struct tensor *y =
            build_network(&h, harness_input(&h, "x", s, x + k * part * shape_run(s)));
        struct tensor *target =
            harness_input(&h, "goal", t, goal + k * part * shape_run(t));
        struct tensor *loss =
            graph_scale(g, graph_mse(g, y, target), 1.0f / (float)parts);
        if (k == 0)
            loss = graph_add(g, loss, graph_mse(g, once, NULL));
        if (optimizer && parts == 1)
            graph_minimize(g, loss, h.weights, optimizer);
        else if (optimizer && k + 1 == parts)
            graph_minimize_accumulated(g, loss, h.weights, optimizer);
        else
            graph_accumulate(g, loss, h.weights, k == 0);
    }
    assert_false(graph_failed(g));
    for (uint32_t step = 1; step <= (optimizer ? 3 : 1); step++) {
        h.step.step = step;
        h.step.adam_step_size = (float)(1e-3 / (1 - pow(0.5, step)));
        h.step.adam_root = (float)sqrt(1 - pow(0.999, step));
        harness_run(&h);
    }
    *out = (struct results){ 0 };
    for (size_t i = 0; i < h.weights->count; i++) {
        const struct weight *w = h.weights->items[i];
        if (!weight_is_trained(w))
            continue;
        assert_true(out->count < ARRAY_LEN(out->values));
        out->shapes[out->count] = w->value.shape;
        out->values[out->count] = check_floats(w->value.shape);
        out->gradients[out->count] = check_floats(w->value.shape);
        harness_read(&h, &w->value, out->values[out->count]);
        if (!optimizer)
            harness_read_gradient(&h, &w->value, out->gradients[out->count]);
        out->count++;
    }
    assert_int_equal(out->count, 6);
    harness_end(&h);
}

static void check_arrays(const char *what, const float *actual, const float *expected,
                         struct shape s)
{
    const struct tolerance rounding = { "rounding", 1e-4, 1e-5, 1e-6 };
    double *wide = check_widen(expected, s);
    check_array(what, actual, wide, s, &rounding);
}

static void check_parts(const char *name, const struct optimizer *optimizer,
                        struct op_limits limits)
{
    static const uint32_t parts[] = { 1, 2, 3 };
    struct results one, several;
    run(&one, whole.n, optimizer, limits);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        run(&several, parts[i], optimizer, limits);
        for (size_t k = 0; k < one.count; k++) {
            check_case("%s, parts of %u, weight %zu", name, (unsigned)parts[i], k);
            check_arrays("value", several.values[k], one.values[k], one.shapes[k]);
            check_arrays("gradient", several.gradients[k], one.gradients[k],
                         one.shapes[k]);
        }
    }
}

static void test_gradients(void **state)
{
    (void)state;
    struct op_limits split = test_gpu_limits();
    split.loop_iterations = 100;    // sums in several calls
    check_parts("gradients", NULL, test_gpu_limits());
    check_parts("gradients, split sums", NULL, split);
    check_parts("adam", &optimizers[0], test_gpu_limits());
    check_parts("adam, split sums", &optimizers[0], split);
    check_parts("sgd", &optimizers[1], test_gpu_limits());
}

// The last micro-batch updates in the kernels that complete gradients.
static void test_last_is_fused(void **state)
{
    (void)state;
    struct harness h;
    harness_begin_without_device(&h);
    struct graph *g = h.graph;
    for (int k = 0; k < 2; k++) {
        struct tensor *y = build_network(&h, harness_input(&h, "x", whole, NULL));
        struct tensor *loss = graph_mse(g, y, NULL);
        if (k == 0)
            graph_accumulate(g, loss, h.weights, true);
        else
            graph_minimize_accumulated(g, loss, h.weights, &optimizers[0]);
    }
    assert_false(graph_failed(g));
    size_t updates = 0;
    for (size_t i = 0; i < graph_call_count(g); i++)
        updates += graph_call(g, i)->shader == SHADER_ADAM;
    assert_int_equal(updates, 3);    // bias, scale and shift
    harness_end(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        check_test(test_random_numbers),
        check_test(test_gradients),
        check_test(test_last_is_fused),
    };
    return cmocka_run_group_tests(tests, test_gpu_open, test_gpu_close);
}
