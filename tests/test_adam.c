// SPDX-License-Identifier: MIT
//
// Adam and SGD against the reference over several steps, with the gradients that the
// device itself made.

#include <math.h>

#include "support/gpu.h"
#include "support/reference.h"

#define BETA1 0.5
#define BETA2 0.999
#define EPSILON 1e-8
#define MOMENTUM 0.9
#define LR 2e-2
#define STEPS 5

static void run_case(struct shape s, const struct optimizer *optimizer)
{
    const bool adam = optimizer->kind == OPTIMIZER_ADAM;
    char text[SHAPE_TEXT_SIZE];
    struct harness h;
    harness_begin(&h);
    struct random r;
    random_init(&r, 11, shape_count(s));
    float *w = check_random_floats(&r, s), *target = check_random_floats(&r, s);
    float *g = check_floats(s), *m = check_floats(s), *v = check_floats(s);
    target[0] = w[0];    // a gradient of zero: 0 / (0 + epsilon)
    struct tensor *w_tensor = harness_weight(&h, "w", s, w);
    struct tensor *loss =
        graph_mse(h.graph, w_tensor, harness_input(&h, "target", s, target));
    graph_minimize(h.graph, loss, h.weights, optimizer);

    double *w_expected = check_widen(w, s), *m_expected = check_doubles(s);
    double *v_expected = check_doubles(s);
    for (uint32_t step = 1; step <= STEPS; step++) {
        check_case("%s %s, step %u", adam ? "adam" : "sgd", shape_text(s, text),
                   (unsigned)step);
        h.step.step = step;
        h.step.lr = (float)LR;
        h.step.adam_step_size = (float)(LR / (1 - pow(BETA1, step)));
        h.step.adam_root = (float)sqrt(1 - pow(BETA2, step));
        harness_run(&h);
        harness_read_gradient(&h, w_tensor, g);
        harness_read(&h, w_tensor, w);
        assert_true(tensor_download(test_gpu(), &w_tensor->weight->m, m));
        assert_true(tensor_download(test_gpu(), &w_tensor->weight->v, v));
        double *g_wide = check_widen(g, s);
        if (adam)
            reference_adam((size_t)shape_count(s), step, LR, BETA1, BETA2, EPSILON,
                           g_wide, w_expected, m_expected, v_expected);
        else
            reference_sgd((size_t)shape_count(s), LR, MOMENTUM, g_wide, w_expected,
                          m_expected);
        check_array("w", w, w_expected, s, &TOLERANCE_ELEMENTWISE);
        check_array("m", m, m_expected, s, &TOLERANCE_ELEMENTWISE);
        check_array("v", v, v_expected, s, &TOLERANCE_ELEMENTWISE);
    }
    harness_end(&h);
}

static const struct shape shapes[] = {
    { 1, 1, 1, 1 }, { 3, 5, 4, 4 }, { 1, 130, 1, 1 }, { 7, 3, 5, 3 }
};

static void test_adam(void **state)
{
    (void)state;
    const struct optimizer adam = {
        .kind = OPTIMIZER_ADAM, .beta1 = BETA1, .beta2 = BETA2, .epsilon = EPSILON
    };
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++)
        run_case(shapes[i], &adam);
}

static void test_sgd(void **state)
{
    (void)state;
    const struct optimizer sgd = { .kind = OPTIMIZER_SGD, .momentum = MOMENTUM };
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++)
        run_case(shapes[i], &sgd);
}

// The first step moves by the learning rate, whatever the gradient: m / sqrt(v) is its
// sign once both are corrected.
static void test_first_step(void **state)
{
    (void)state;
    const struct shape one = { 1, 1, 1, 1 };
    const float start = 1.0f, target = 0.5f;    // the gradient is 2 (1 - 0.5) = 1
    float w;
    struct harness h;
    harness_begin(&h);
    struct tensor *t = harness_weight(&h, "w", one, &start);
    graph_minimize(
        h.graph, graph_mse(h.graph, t, harness_input(&h, "target", one, &target)),
        h.weights,
        &(struct optimizer){
            .kind = OPTIMIZER_ADAM, .beta1 = 0.5, .beta2 = 0.999, .epsilon = 1e-8 });
    h.step.adam_step_size = (float)(0.1 / (1 - 0.5));
    h.step.adam_root = (float)sqrt(1 - 0.999);
    harness_run(&h);
    harness_read(&h, t, &w);
    harness_end(&h);
    assert_float_equal(w, 0.9f, 1e-6);
}

// The average follows the value after each update, from the value on; running
// statistics are copied.
static void test_average(void **state)
{
    (void)state;
    const struct shape s = { 3, 5, 1, 7 }, channels = { 1, 6, 1, 1 };
    const struct optimizer sgd = { .kind = OPTIMIZER_SGD, .momentum = MOMENTUM };
    const float decay = 0.99f;
    struct random r;
    random_init(&r, 12, 0);
    struct harness h;
    harness_begin(&h);
    h.weights->keeps_average = true;
    float *w = check_random_floats(&r, s), *mean = check_random_floats(&r, channels);
    float *actual = check_floats(s);
    struct tensor *t = harness_weight(&h, "w", s, w);
    struct tensor *norm = harness_norm(&h, channels.c, NULL, NULL, mean, NULL);
    graph_minimize(h.graph, graph_mse(h.graph, t, NULL), h.weights, &sgd);
    graph_average(h.graph, h.weights, decay);
    harness_prepare(&h);
    // Zero at first, like all other memory of weights.
    assert_true(tensor_download(test_gpu(), &t->weight->average, actual));
    for (size_t i = 0; i < shape_count(s); i++)
        assert_true(actual[i] == 0.0f);
    assert_true(weights_copy_to_average(h.weights, test_gpu()));
    assert_true(tensor_download(test_gpu(), &t->weight->average, actual));
    check_same("average", actual, w, s);
    double *expected = check_widen(w, s);
    for (uint32_t step = 1; step <= STEPS; step++) {
        check_case("average, step %u", (unsigned)step);
        h.step.step = step;
        h.step.lr = 1.0f;
        harness_run(&h);
        harness_read(&h, t, w);
        for (size_t i = 0; i < shape_count(s); i++)
            expected[i] = (double)decay * expected[i] + (1 - (double)decay) * w[i];
        assert_true(tensor_download(test_gpu(), &t->weight->average, actual));
        check_array("average", actual, expected, s, &TOLERANCE_ELEMENTWISE);
        struct weight *running = norm->weight->norm->mean;
        for (size_t i = 0; i < channels.c; i++)
            mean[i] += 1.0f;
        harness_write(&h, &running->value, mean);
        harness_run(&h);    // this changes the others as well
        assert_true(tensor_download(test_gpu(), &running->average, actual));
        check_same("copy", actual, mean, channels);
        harness_read(&h, t, w);
        for (size_t i = 0; i < shape_count(s); i++)
            expected[i] = (double)decay * expected[i] + (1 - (double)decay) * w[i];
    }
    harness_end(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        check_test(test_adam),
        check_test(test_sgd),
        check_test(test_first_step),
        check_test(test_average),
    };
    return cmocka_run_group_tests(tests, test_gpu_open, test_gpu_close);
}
