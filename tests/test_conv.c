// SPDX-License-Identifier: MIT
//
// Convolution and transposed convolution in all directions, simple kernels and every
// tile, against the reference; gradient check; sums into gradients that others write
// too; shapes that do not fit.

#include "support/gradient.h"
#include "support/reference_conv.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "ops/conv_variant.h"

struct conv_case {
    struct shape x;
    uint32_t c_out;
    struct conv_attributes a;
    bool bias;
};

// Convolutions leave output_pad out.
static const struct conv_case cases[] = {
    // The networks' own.
    { { 1, 3, 8, 8 }, 5, { 4, 2, 1, 0 }, true },
    { { 3, 2, 6, 10 }, 3, { 4, 2, 1, 0 }, false },
    { { 1, 65, 6, 4 }, 130, { 4, 2, 1, 0 }, false },
    { { 1, 130, 2, 2 }, 65, { 4, 2, 1, 0 }, true },    // 2x2 to 1x1, and to 4x4
    { { 2, 3, 5, 7 }, 4, { 4, 2, 1, 0 }, true },       // a row and column are not met
    { { 1, 7, 16, 17 }, 3, { 4, 2, 1, 0 }, true },
    { { 2, 3, 5, 7 }, 1, { 4, 1, 1, 0 }, true },
    { { 1, 65, 4, 4 }, 2, { 4, 1, 1, 0 }, false },
    { { 1, 4, 1, 1 }, 3, { 3, 1, 1, 0 }, true },
    { { 3, 3, 5, 3 }, 6, { 3, 1, 1, 0 }, false },
    { { 2, 67, 9, 17 }, 33, { 3, 1, 1, 0 }, true },
    { { 1, 3, 7, 11 }, 5, { 3, 2, 1, 1 }, false },
    { { 3, 6, 4, 4 }, 3, { 3, 2, 1, 1 }, true },
    { { 1, 3, 9, 5 }, 4, { 7, 1, 3, 0 }, true },
    { { 1, 2, 1, 1 }, 3, { 7, 1, 3, 0 }, false },
    { { 1, 7, 3, 3 }, 65, { 1, 1, 0, 0 }, true },
    { { 3, 4, 1, 1 }, 1, { 1, 1, 0, 0 }, false },
    { { 1, 3, 19, 24 }, 4, { 11, 4, 2, 0 }, true },    // AlexNet's
    // Odd ones.
    { { 1, 3, 11, 13 }, 4, { 5, 3, 2, 2 }, true },
    { { 2, 2, 2, 2 }, 3, { 5, 3, 2, 0 }, false },
    { { 1, 3, 8, 5 }, 2, { 2, 3, 0, 1 }, true },     // phases without a tap
    { { 1, 2, 6, 5 }, 2, { 3, 1, 3, 0 }, false },    // transposed it gets smaller
};

static struct shape out_shape(const struct conv_case *c, bool transpose)
{
    return transpose ? reference_conv_transpose_shape(c->a, c->x, c->c_out)
                     : reference_conv_shape(c->a, c->x, c->c_out);
}

static struct shape weight_shape(const struct conv_case *c, bool transpose)
{
    return transpose ? (struct shape){ c->x.c, c->c_out, c->a.kernel, c->a.kernel }
                     : (struct shape){ c->c_out, c->x.c, c->a.kernel, c->a.kernel };
}

static struct tensor *build(struct graph *g, bool transpose, struct tensor *x,
                            struct tensor *w, struct tensor *b,
                            struct conv_attributes a)
{
    return transpose ? graph_conv_transpose(g, x, w, b, a) : graph_conv(g, x, w, b, a);
}

static void run_case(const struct conv_case *c, bool transpose, const char *kernels,
                     struct op_limits limits, bool accumulate)
{
    const struct shape w_shape = weight_shape(c, transpose);
    const struct shape y_shape = out_shape(c, transpose);
    const struct shape b_shape = { 1, c->c_out, 1, 1 };
    check_case("%s, %s: n%u c%u %ux%u to c%u k%u s%u p%u+%u%s%s",
               transpose ? "conv_transpose" : "conv", kernels, (unsigned)c->x.n,
               (unsigned)c->x.c, (unsigned)c->x.h, (unsigned)c->x.w, (unsigned)c->c_out,
               (unsigned)c->a.kernel, (unsigned)c->a.stride, (unsigned)c->a.pad,
               (unsigned)c->a.output_pad, c->bias ? " bias" : "",
               accumulate ? " accumulate" : "");
    struct random r;
    random_init(&r, 21, shape_count(c->x));
    float *x = check_random_floats(&r, c->x), *w = check_random_floats(&r, w_shape);
    float *b = check_random_floats(&r, b_shape);
    float *y = check_floats(y_shape), *dy = check_floats(y_shape);
    float *dx = check_floats(c->x), *dw = check_floats(w_shape);
    float *db = check_floats(b_shape);

    struct harness h;
    harness_begin(&h);
    harness_set_limits(&h, limits);
    struct tensor *x_tensor = harness_weight(&h, "x", c->x, x);
    struct tensor *w_tensor = harness_weight(&h, "w", w_shape, w);
    struct tensor *b_tensor = c->bias ? harness_weight(&h, "b", b_shape, b) : NULL;
    struct tensor *out = build(h.graph, transpose, x_tensor, w_tensor, b_tensor, c->a);
    assert_non_null(out);
    assert_true(shape_equal(out->shape, y_shape));
    harness_run_backward(&h, out, accumulate, y, dy);
    harness_read_gradient(&h, x_tensor, dx);
    harness_read_gradient(&h, w_tensor, dw);
    if (c->bias)
        harness_read_gradient(&h, b_tensor, db);
    harness_end(&h);

    double *x_wide = check_widen(x, c->x), *w_wide = check_widen(w, w_shape);
    double *b_wide = check_widen(b, b_shape), *dy_wide = check_widen(dy, y_shape);
    double *y_expected = check_doubles(y_shape), *dx_expected = check_doubles(c->x);
    double *dw_expected = check_doubles(w_shape), *db_expected = check_doubles(b_shape);
    const double *b_used = c->bias ? b_wide : NULL;
    if (transpose) {
        reference_conv_transpose_forward(c->a, c->x, c->c_out, x_wide, w_wide, b_used,
                                         y_expected);
        reference_conv_transpose_backward(c->a, c->x, c->c_out, x_wide, w_wide, dy_wide,
                                          dx_expected, dw_expected, db_expected);
    } else {
        reference_conv_forward(c->a, c->x, c->c_out, x_wide, w_wide, b_used,
                               y_expected);
        reference_conv_backward(c->a, c->x, c->c_out, x_wide, w_wide, dy_wide,
                                dx_expected, dw_expected, db_expected);
    }
    if (accumulate) {
        harness_add_accumulated(c->x, x, dx_expected);
        harness_add_accumulated(w_shape, w, dw_expected);
        harness_add_accumulated(b_shape, b, db_expected);
    }
    check_array("y", y, y_expected, y_shape, &TOLERANCE_SUM);
    check_array("dx", dx, dx_expected, c->x, &TOLERANCE_SUM);
    check_array("dw", dw, dw_expected, w_shape, &TOLERANCE_SUM);
    if (c->bias)
        check_array("db", db, db_expected, b_shape, &TOLERANCE_SUM);
    check_release(NULL);    // there are hundreds of cases
}

// More workgroups than fit on one axis, of the smallest tile and for the bias, and a
// sum of more terms than llvmpipe's loops can have iterations.
static void run_large_cases(const char *kernels, struct op_limits limits)
{
    static const struct conv_case large_cases[] = {
        { { 1, 1, 265, 265 }, 1, { 1, 1, 0, 0 }, false },
        { { 1, 1, 1, 1 }, 70000, { 1, 1, 0, 0 }, true },
    };
    for (size_t i = 0; i < ARRAY_LEN(large_cases); i++)
        for (int transpose = 0; transpose < 2; transpose++)
            run_case(&large_cases[i], transpose, kernels, limits, false);
}

// One variant for all calls, where the device allows it.
static struct op_limits forced(const struct conv_variant *variant)
{
    struct op_limits limits = test_gpu_limits();
    assert_non_null(variant);
    limits.force = variant;
    return limits;
}

static void test_simple(void **state)
{
    (void)state;
    const struct op_limits limits = forced(conv_variant_find("simple"));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        for (int transpose = 0; transpose < 2; transpose++)
            run_case(&cases[i], transpose, "simple", limits, i % 2);
    run_large_cases("simple", limits);
}

// The tiles this device gets.
static void test_tiled(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        for (int transpose = 0; transpose < 2; transpose++)
            run_case(&cases[i], transpose, "tiled", test_gpu_limits(), i % 2);
}

// The tiles that any GPU can have. Each case is either a convolution or a transposed
// one, in turns: the three kernels of both are the same, and a software driver takes a
// second to compile each of these.
static void test_tiled_guaranteed(void **state)
{
    (void)state;
    const bool is_cpu = test_gpu_limits().is_cpu;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        for (int transpose = 0; transpose < 2; transpose++)
            if (!is_cpu || transpose == (i / 2 % 2 == 1))
                run_case(&cases[i], transpose, "tiled for guaranteed limits",
                         test_guaranteed_limits(), i % 2);
}

// Whether the variant is possible for a direction at least.
static bool fits_some(const struct conv_variant *v, const struct conv_case *c,
                      bool transpose)
{
    struct conv_shape s = {
        .x = transpose ? out_shape(c, true) : c->x,
        .c_out = transpose ? c->x.c : c->c_out,
        .kernel = c->a.kernel,
        .stride = c->a.stride,
        .pad = c->a.pad,
    };
    const struct op_limits limits = test_gpu_limits();
    bool fits = false;
    for (int d = CONV_FORWARD; d <= CONV_BACKWARD_WEIGHT; d++) {
        s.direction = (enum conv_direction)d;
        fits |= conv_variant_fits(v, &limits, &s);
    }
    return fits;
}

// Every variant of the table, on shapes that cross the edges of most tiles.
static void test_every_variant(void **state)
{
    (void)state;
    static const struct conv_case tile_cases[] = {
        { { 1, 70, 5, 6 }, 66, { 4, 2, 1, 0 }, false },
        { { 2, 5, 11, 13 }, 3, { 4, 2, 1, 0 }, false },
        { { 1, 34, 2, 2 }, 133, { 4, 2, 1, 0 }, false },
    };
    size_t count;
    const struct conv_variant *table = conv_variant_table(&count);
    // A second software driver, which takes a second to compile a kernel as well, is
    // given every other one.
    const size_t step = test_is_set("PIX_TEST_SECOND_DRIVER") ? 2 : 1;
    for (size_t v = 0; v < count; v += step)
        for (size_t i = 0; i < ARRAY_LEN(tile_cases); i++)
            if (fits_some(&table[v], &tile_cases[i], i % 2))
                run_case(&tile_cases[i], i % 2, table[v].name, forced(&table[v]),
                         false);
    run_large_cases(table[count - 1].name, forced(&table[count - 1]));
}

// ---------------------------------------------------------------------------
// Gradients

// One input and one set of weights used twice: each gradient is a sum of two.
static struct tensor *build_shared(struct harness *h, void *user)
{
    const bool transpose = *(const bool *)user;
    const struct conv_case c = { { 2, 3, 5, 4 }, 3, { 3, 1, 1, 0 }, true };
    const struct shape w_shape = weight_shape(&c, transpose);
    struct random r;
    random_init(&r, 22, 1);
    float *x = check_random_floats(&r, c.x), *w = check_random_floats(&r, w_shape);
    float *b = check_random_floats(&r, (struct shape){ 1, 3, 1, 1 });
    struct tensor *x_tensor = harness_weight(h, "x", c.x, x);
    struct tensor *w_tensor = harness_weight(h, "w", w_shape, w);
    struct tensor *b_tensor = harness_weight(h, "b", (struct shape){ 1, 3, 1, 1 }, b);
    struct tensor *once = build(h->graph, transpose, x_tensor, w_tensor, b_tensor, c.a);
    struct tensor *twice =
        build(h->graph, transpose, graph_tanh(h->graph, once), w_tensor, b_tensor, c.a);
    struct tensor *beside = build(h->graph, transpose, x_tensor, w_tensor, NULL, c.a);
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
    build(h.graph, transpose, harness_input(&h, "x", x, NULL),
          harness_weight(&h, "w", weight_shape(&c, transpose), NULL), NULL, a);
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
    build(h.graph, transpose, graph_input(h.graph, "x", x, TENSOR_F32),
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
        check_test(test_simple),           check_test(test_tiled),
        check_test(test_tiled_guaranteed), check_test(test_every_variant),
        check_test(test_gradient),         check_test(test_flops),
        check_test(test_misfits),
    };
    return cmocka_run_group_tests(tests, test_gpu_open, test_gpu_close);
}
