// SPDX-License-Identifier: MIT
//
// See conv_case.h.

#include "support/conv_case.h"

#include "ops/conv_variant.h"
#include "selftest/reference_conv.h"

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

const struct conv_case *conv_case_table(size_t *count)
{
    *count = ARRAY_LEN(cases);
    return cases;
}

static bool same_group(size_t i, size_t k)
{
    const struct conv_attributes *a = &cases[i].a, *b = &cases[k].a;
    return a->kernel == b->kernel && a->stride == b->stride && a->pad == b->pad;
}

size_t conv_case_group(size_t i)
{
    size_t first = 0, group = 0;
    while (!same_group(first, i))
        first++;
    for (size_t k = 1; k <= first; k++)
        group += !same_group(k, k - 1);
    return group;
}

struct shape conv_case_out_shape(const struct conv_case *c, bool transpose)
{
    return transpose ? reference_conv_transpose_shape(c->a, c->x, c->c_out)
                     : reference_conv_shape(c->a, c->x, c->c_out);
}

struct shape conv_case_weight_shape(const struct conv_case *c, bool transpose)
{
    return transpose ? (struct shape){ c->x.c, c->c_out, c->a.kernel, c->a.kernel }
                     : (struct shape){ c->c_out, c->x.c, c->a.kernel, c->a.kernel };
}

struct tensor *conv_case_build(struct graph *g, bool transpose, struct tensor *x,
                               struct tensor *w, struct tensor *b,
                               struct conv_attributes a)
{
    return transpose ? graph_conv_transpose(g, x, w, b, a) : graph_conv(g, x, w, b, a);
}

struct op_limits conv_case_force(const char *variant)
{
    struct op_limits limits = test_gpu_limits();
    limits.force = conv_variant_find(variant);
    assert_non_null(limits.force);
    return limits;
}

void conv_case_run(const struct conv_case *c, bool transpose, const char *kernels,
                   struct op_limits limits, bool accumulate)
{
    const struct shape w_shape = conv_case_weight_shape(c, transpose);
    const struct shape y_shape = conv_case_out_shape(c, transpose);
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
    struct tensor *out =
        conv_case_build(h.graph, transpose, x_tensor, w_tensor, b_tensor, c->a);
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

void conv_case_run_large(const char *kernels, struct op_limits limits)
{
    static const struct conv_case many = { { 1, 1, 265, 265 }, 1, { 1, 1, 0, 0 } };
    struct conv_case channels = { { 1, 1, 1, 1 }, 70000, { 1, 1, 0, 0 } };
    for (int transpose = 0; transpose < 2; transpose++) {
        // The kernel of the bias is the same every time, and the second software driver
        // takes 10 s to start that many workgroups.
        channels.bias =
            test_is_thorough() || (transpose && !test_is_set("PIX_TEST_SECOND_DRIVER"));
        conv_case_run(&many, transpose, kernels, limits, false);
        conv_case_run(&channels, transpose, kernels, limits, false);
    }
}
