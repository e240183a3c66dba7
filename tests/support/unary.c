// SPDX-License-Identifier: MIT
//
// See unary.h.

#include "support/unary.h"

static void check(const struct unary *u, const char *name, bool accumulate)
{
    char text[SHAPE_TEXT_SIZE];
    check_case("%s %s%s", name, shape_text(u->in, text),
               accumulate ? " accumulate" : "");
    struct harness h;
    harness_begin(&h);
    struct random r;
    random_init(&r, 6, shape_count(u->in));
    const float *x = u->x ? u->x : check_random_floats(&r, u->in);
    float *dx = check_floats(u->in);
    float *y = check_floats(u->out), *dy = check_floats(u->out);
    struct tensor *x_tensor = harness_weight(&h, "x", u->in, x);
    struct tensor *y_tensor = u->build(h.graph, x_tensor, u->attributes);
    assert_non_null(y_tensor);
    assert_true(shape_equal(y_tensor->shape, u->out));
    harness_run_backward(&h, y_tensor, accumulate, y, dy);
    harness_read_gradient(&h, x_tensor, dx);
    harness_end(&h);

    double *x_wide = check_widen(x, u->in), *dy_wide = check_widen(dy, u->out);
    double *y_expected = check_doubles(u->out), *dx_expected = check_doubles(u->in);
    u->forward(u->attributes, u->in, x_wide, y_expected);
    u->backward(u->attributes, u->in, x_wide, dy_wide, dx_expected);
    if (accumulate)
        harness_add_accumulated(u->in, x, dx_expected);
    check_array("y", y, y_expected, u->out, u->y);
    check_array("dx", dx, dx_expected, u->in, u->dx);
}

void unary_check(const struct unary *u, const char *name)
{
    check(u, name, false);
    check(u, name, true);
}
