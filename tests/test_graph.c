// SPDX-License-Identifier: MIT
//
// The tape: gradients that meet are added, detached and frozen paths get none, updates
// stand where they were asked for, failures are sticky.

#include "graph/graph.h"

#include <string.h>

#include "base/log.h"
#include "support/gpu.h"
#include "support/log.h"

static const struct shape number = { 1, 1, 1, 1 };

// y = a * a' with a used twice through two paths: the gradients add up.
static void test_two_uses_add(void **state)
{
    (void)state;
    struct harness h;
    const float three = 3.0f, zero = 0.0f;
    harness_begin(&h);
    struct tensor *a = harness_weight(&h, "a", number, &three);
    struct tensor *t = harness_input(&h, "t", number, &zero);
    struct tensor *y = graph_add(h.graph, graph_scale(h.graph, a, 2.0f),
                                 graph_scale(h.graph, a, 5.0f));
    struct tensor *loss = graph_mse(h.graph, y, t);
    harness_keep(&h, loss);
    graph_backward(h.graph, loss, h.weights);
    harness_run(&h);
    float value, gradient;
    harness_read(&h, loss, &value);
    harness_read_gradient(&h, a, &gradient);
    check_number("loss", value, 441.0, &TOLERANCE_ELEMENTWISE);
    check_number("da", gradient, 2.0 * 21.0 * 7.0, &TOLERANCE_ELEMENTWISE);
    harness_end(&h);
}

static void test_detach_stops(void **state)
{
    (void)state;
    struct harness h;
    const float three = 3.0f, zero = 0.0f;
    harness_begin(&h);
    struct tensor *a = harness_weight(&h, "a", number, &three);
    struct tensor *t = harness_input(&h, "t", number, &zero);
    struct tensor *y =
        graph_add(h.graph, graph_detach(h.graph, graph_scale(h.graph, a, 2)),
                  graph_scale(h.graph, a, 5.0f));
    struct tensor *loss = graph_mse(h.graph, y, t);
    graph_backward(h.graph, loss, h.weights);
    harness_run(&h);
    float gradient;
    harness_read_gradient(&h, a, &gradient);
    check_number("da", gradient, 2.0 * 21.0 * 5.0, &TOLERANCE_ELEMENTWISE);
    harness_end(&h);
}

// A weight that the loss does not depend on gets a gradient of zero, not garbage.
static void test_unused_weight(void **state)
{
    (void)state;
    struct harness h;
    const float three = 3.0f, zero = 0.0f;
    harness_begin(&h);
    struct tensor *a = harness_weight(&h, "a", number, &three);
    struct tensor *b = harness_weight(&h, "b", number, &three);
    struct tensor *t = harness_input(&h, "t", number, &zero);
    graph_backward(h.graph, graph_mse(h.graph, graph_scale(h.graph, a, 2), t),
                   h.weights);
    harness_run(&h);
    float gradient = 1;
    harness_read_gradient(&h, b, &gradient);
    assert_true(gradient == 0.0f);
    harness_end(&h);
}

// Only the weights that are asked for are differentiated: those of the frozen network
// emit no weight gradient, though the gradient flows through it.
static void test_frozen_network(void **state)
{
    (void)state;
    const struct op_limits limits = test_guaranteed_limits();
    struct weights *trained = weights_create(false), *frozen = weights_create(false);
    struct graph *g = graph_create(&limits);
    const struct conv_attributes attr = { .kernel = 3, .stride = 1, .pad = 1 };
    struct tensor *x = graph_input(g, "x", (struct shape){ 1, 2, 5, 5 }, TENSOR_F32);
    struct tensor *w1 =
        weights_add(trained, WEIGHT_CONV, (struct shape){ 2, 2, 3, 3 }, "w1");
    struct tensor *w2 =
        weights_add(frozen, WEIGHT_CONV, (struct shape){ 1, 2, 3, 3 }, "w2");
    struct tensor *y = graph_conv(g, graph_conv(g, x, w1, NULL, attr), w2, NULL, attr);
    graph_backward(g, graph_gan_loss(g, y, LOSS_KIND_MSE, 1.0f), trained);
    assert_false(graph_failed(g));
    bool w1_written = false;
    for (size_t i = 0; i < graph_call_count(g); i++)
        for (size_t k = 0; k < CALL_MAX_BUFFERS; k++) {
            const struct tensor *t = graph_call(g, i)->use[k].tensor;
            assert_true(t != &w2->weight->gradient);
            w1_written |= t == &w1->weight->gradient;
        }
    assert_true(w1_written);
    // The input is no weight: nothing computes its gradient.
    assert_null(graph_gradient_of(g, x));
    graph_destroy(g);
    weights_destroy(trained);
    weights_destroy(frozen);
}

// Two updates in one program: the second loss sees the updated weight.
static void test_update_stands_where_it_was_asked_for(void **state)
{
    (void)state;
    struct harness h;
    const float two = 2.0f, zero = 0.0f;
    harness_begin(&h);
    h.step.lr = 0.25f;
    struct tensor *a = harness_weight(&h, "a", number, &two);
    struct tensor *t = harness_input(&h, "t", number, &zero);
    const struct optimizer sgd = { .kind = OPTIMIZER_SGD };
    struct tensor *before = graph_mse(h.graph, graph_scale(h.graph, a, 1), t);
    graph_minimize(h.graph, before, h.weights, &sgd);
    struct tensor *after = graph_mse(h.graph, graph_scale(h.graph, a, 1), t);
    harness_keep(&h, before);
    harness_keep(&h, after);
    harness_run(&h);
    float first, second, value;
    harness_read(&h, before, &first);
    harness_read(&h, after, &second);
    harness_read(&h, a, &value);
    check_number("before", first, 4.0, &TOLERANCE_ELEMENTWISE);
    // a - 0.25 * 2 a = a / 2
    check_number("a", value, 1.0, &TOLERANCE_ELEMENTWISE);
    check_number("after", second, 1.0, &TOLERANCE_ELEMENTWISE);
    harness_end(&h);
}

static void test_failure_is_sticky(void **state)
{
    (void)state;
    const struct op_limits limits = test_guaranteed_limits();
    struct graph *g = graph_create(&limits);
    struct tensor *a = graph_input(g, "a", (struct shape){ 1, 2, 4, 4 }, TENSOR_F32);
    struct tensor *b = graph_input(g, "b", (struct shape){ 1, 2, 4, 5 }, TENSOR_F32);
    test_forget_error();
    struct tensor *y = graph_add(g, a, b);
    assert_null(y);
    assert_true(graph_failed(g));
    assert_non_null(strstr(log_last_error(), "1x2x4x4"));
    assert_non_null(strstr(log_last_error(), "1x2x4x5"));
    test_forget_error();
    assert_null(graph_relu(g, y));
    assert_null(graph_concat(g, graph_tanh(g, y), a));
    assert_string_equal(log_last_error(), "");
    graph_destroy(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_uses_add),
        cmocka_unit_test(test_detach_stops),
        cmocka_unit_test(test_unused_weight),
        cmocka_unit_test(test_frozen_network),
        cmocka_unit_test(test_update_stands_where_it_was_asked_for),
        cmocka_unit_test(test_failure_is_sticky),
    };
    return cmocka_run_group_tests_name("graph", tests, test_gpu_open, test_gpu_close);
}
