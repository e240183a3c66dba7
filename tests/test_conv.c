// SPDX-License-Identifier: MIT
//
// Convolution and transposed convolution in all directions, simple kernels and those
// that a device gets, against the reference; gradient check; sums into gradients that
// others write too; shapes that do not fit. test_conv_variant has the other kernels.

#include "ops/conv_variant.h"
#include "support/conv_case.h"
#include "support/gradient.h"

#include <string.h>

#include "base/log.h"

static void test_simple(void **state)
{
    (void)state;
    const struct op_limits limits = conv_case_force("simple");
    size_t count;
    const struct conv_case *cases = conv_case_table(&count);
    for (size_t i = 0; i < count; i++)
        for (int transpose = 0; transpose < 2; transpose++)
            conv_case_run(&cases[i], transpose, "simple", limits, i % 2);
    conv_case_run_large("simple", limits);
}

// The kernels this device gets. On a software driver, which takes half a second to
// compile each, a case is either a convolution or a transposed one, in turns; the three
// kernels of both are the same, and both are run with simple ones.
static void test_tiled(void **state)
{
    (void)state;
    const bool all = test_is_thorough();
    size_t count;
    const struct conv_case *cases = conv_case_table(&count);
    for (size_t i = 0; i < count; i++)
        for (int transpose = 0; transpose < 2; transpose++)
            if (all || transpose == (i / 2 % 2 == 0))
                conv_case_run(&cases[i], transpose, "tiled", test_gpu_limits(), i % 2);
}

// ---------------------------------------------------------------------------
// Gradients

// One input and one set of weights used twice: each gradient is a sum of two.
static struct tensor *build_shared(struct harness *h, void *user)
{
    const bool transpose = *(const bool *)user;
    const struct conv_case c = { { 2, 3, 5, 4 }, 3, { 3, 1, 1, 0 }, true };
    const struct shape w_shape = conv_case_weight_shape(&c, transpose);
    struct random r;
    random_init(&r, 22, 1);
    float *x = check_random_floats(&r, c.x), *w = check_random_floats(&r, w_shape);
    float *b = check_random_floats(&r, (struct shape){ 1, 3, 1, 1 });
    struct tensor *x_tensor = harness_weight(h, "x", c.x, x);
    struct tensor *w_tensor = harness_weight(h, "w", w_shape, w);
    struct tensor *b_tensor = harness_weight(h, "b", (struct shape){ 1, 3, 1, 1 }, b);
    struct tensor *once =
        conv_case_build(h->graph, transpose, x_tensor, w_tensor, b_tensor, c.a);
    struct tensor *twice = conv_case_build(
        h->graph, transpose, graph_tanh(h->graph, once), w_tensor, b_tensor, c.a);
    struct tensor *beside =
        conv_case_build(h->graph, transpose, x_tensor, w_tensor, NULL, c.a);
    return graph_add(h->graph, twice, beside);
}

static void test_gradient(void **state)
{
    (void)state;
    for (int transpose = 0; transpose < 2; transpose++)
        for (int simple = 0; simple < 2; simple++)
            gradient_check(&(struct gradient_options){
                .name = transpose ? "conv_transpose, weights used thrice"
                                  : "conv, weights used thrice",
                .build = build_shared,
                .user = &(bool){ transpose },
                .variant = simple ? conv_variant_find("simple") : NULL,
            });
}

// ---------------------------------------------------------------------------
// Without a device

// Multiplications of the forward pass of one convolution, twice.
static uint64_t count_flops(struct shape x, uint32_t c_out, struct conv_attributes a,
                            bool transpose)
{
    const struct conv_case c = { x, c_out, a, false };
    struct harness h;
    harness_begin_without_device(&h);
    conv_case_build(
        h.graph, transpose, harness_input(&h, "x", x, NULL),
        harness_weight(&h, "w", conv_case_weight_shape(&c, transpose), NULL), NULL, a);
    assert_false(graph_failed(h.graph));
    assert_int_equal(graph_call_count(h.graph), 1);
    uint64_t flops = graph_call(h.graph, 0)->flops;
    harness_end(&h);
    return flops;
}

static void test_flops(void **state)
{
    (void)state;
    const struct conv_attributes a = { .kernel = 4, .stride = 2, .pad = 1 };
    assert_int_equal(count_flops((struct shape){ 2, 3, 8, 8 }, 5, a, false),
                     2 * 2 * 5 * 4 * 4 * 3 * 16);
    // Nothing is multiplied by the zeros between strides: as many as the convolution
    // the other way.
    assert_int_equal(count_flops((struct shape){ 2, 5, 4, 4 }, 3, a, true),
                     2 * 2 * 5 * 4 * 4 * 3 * 16);
}

static void expect_failure(bool transpose, struct shape x, struct shape w,
                           struct shape b, struct conv_attributes a,
                           const char *message)
{
    struct harness h;
    harness_begin_without_device(&h);
    const struct log_sink *before = log_use(NULL);
    conv_case_build(h.graph, transpose, graph_input(h.graph, "x", x, TENSOR_F32),
                    harness_weight(&h, "w", w, NULL),
                    b.n ? harness_weight(&h, "b", b, NULL) : NULL, a);
    log_use(before);
    if (!graph_failed(h.graph))
        fail_msg("accepted, expected '%s'", message);
    if (!strstr(log_last_error(), message))
        fail_msg("'%s' does not say '%s'", log_last_error(), message);
    harness_end(&h);
}

static void test_misfits(void **state)
{
    (void)state;
    const struct shape x = { 1, 3, 8, 8 }, w = { 5, 3, 4, 4 }, none = { 0 };
    const struct conv_attributes a = { .kernel = 4, .stride = 2, .pad = 1 };
    for (int transpose = 0; transpose < 2; transpose++) {
        // Each reading of the weights refuses the other's.
        const struct shape wrong = transpose ? w : (struct shape){ 3, 5, 4, 4 };
        const struct shape right = transpose ? (struct shape){ 3, 5, 4, 4 } : w;
        expect_failure(transpose, x, wrong, none, a, "1x3x8x8 does not fit");
        expect_failure(transpose, x, right, none,
                       (struct conv_attributes){ .kernel = 3, .stride = 1 },
                       "with a kernel of 3");
        expect_failure(transpose, x, right, (struct shape){ 1, 3, 1, 1 }, a,
                       "bias 1x3x1x1 does not fit");
        expect_failure(transpose, x, right, none,
                       (struct conv_attributes){ .kernel = 4, .stride = 0 },
                       "stride 0");
        expect_failure(transpose, (struct shape){ 1, 3, 70000, 70000 }, right, none, a,
                       "more than 2^32 elements");
    }
    expect_failure(false, (struct shape){ 1, 3, 1, 8 }, w, none, a, "smaller than");
    expect_failure(
        true, x, (struct shape){ 3, 5, 4, 4 }, none,
        (struct conv_attributes){ .kernel = 4, .stride = 2, .output_pad = 2 },
        "output padding of 2");
    expect_failure(true, (struct shape){ 1, 3, 1, 1 }, (struct shape){ 3, 5, 4, 4 },
                   none, (struct conv_attributes){ .kernel = 4, .stride = 2, .pad = 2 },
                   "nothing is left");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        check_test(test_simple), check_test(test_tiled),   check_test(test_gradient),
        check_test(test_flops),  check_test(test_misfits),
    };
    return cmocka_run_group_tests(tests, test_gpu_open, test_gpu_close);
}
