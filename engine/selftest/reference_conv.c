// SPDX-License-Identifier: MIT
//
// Convolutions on the host. See reference_conv.h.

#include "selftest/reference_conv.h"

#include <string.h>

// One multiplication of a convolution: which elements of input, weights and output
// meet.
struct meeting {
    size_t x, w, y;
};

// Calls `meet` for every pair of an element of `fine` (the input of a convolution, the
// output of a transposed one) and one of `coarse` that a tap joins. fine.c and coarse.c
// are the channels; weights are [coarse.c, fine.c, k, k] for both.
static void for_each_meeting(struct conv_attributes a, struct shape fine,
                             struct shape coarse,
                             void (*meet)(const struct meeting *m, void *user),
                             void *user)
{
    for (uint32_t n = 0; n < coarse.n; n++)
        for (uint32_t o = 0; o < coarse.c; o++)
            for (uint32_t c = 0; c < fine.c; c++)
                for (uint32_t i = 0; i < coarse.h; i++)
                    for (uint32_t j = 0; j < coarse.w; j++)
                        for (uint32_t u = 0; u < a.kernel; u++)
                            for (uint32_t v = 0; v < a.kernel; v++) {
                                int64_t h = (int64_t)i * a.stride + u - a.pad;
                                int64_t w = (int64_t)j * a.stride + v - a.pad;
                                if (h < 0 || w < 0 || h >= fine.h || w >= fine.w)
                                    continue;
                                size_t plane = (size_t)n * fine.c + c;
                                const struct meeting m = {
                                    .x = (plane * fine.h + (size_t)h) * fine.w +
                                         (size_t)w,
                                    .w = (((size_t)o * fine.c + c) * a.kernel + u) *
                                             a.kernel +
                                         v,
                                    .y = (((size_t)n * coarse.c + o) * coarse.h + i) *
                                             coarse.w +
                                         j,
                                };
                                meet(&m, user);
                            }
}

// The arrays of a pass; x, dx belong to the finer side, y, dy to the coarser.
struct arrays {
    const double *x, *w, *dy;
    double *y, *dx, *dw;
};

static void meet_forward(const struct meeting *m, void *user)
{
    struct arrays *a = user;
    a->y[m->y] += a->x[m->x] * a->w[m->w];
}

static void meet_backward(const struct meeting *m, void *user)
{
    struct arrays *a = user;
    a->dx[m->x] += a->dy[m->y] * a->w[m->w];
    a->dw[m->w] += a->dy[m->y] * a->x[m->x];
}

static void meet_transpose_forward(const struct meeting *m, void *user)
{
    struct arrays *a = user;
    a->y[m->x] += a->x[m->y] * a->w[m->w];
}

static void meet_transpose_backward(const struct meeting *m, void *user)
{
    struct arrays *a = user;
    a->dx[m->y] += a->dy[m->x] * a->w[m->w];
    a->dw[m->w] += a->dy[m->x] * a->x[m->y];
}

static void fill_bias(struct shape y_shape, const double *b, double *y)
{
    size_t plane = (size_t)y_shape.h * y_shape.w;
    for (size_t i = 0; i < shape_count(y_shape); i++)
        y[i] = b ? b[i / plane % y_shape.c] : 0.0;
}

static void sum_bias(struct shape y_shape, const double *dy, double *db)
{
    size_t plane = (size_t)y_shape.h * y_shape.w;
    memset(db, 0, y_shape.c * sizeof(*db));
    for (size_t i = 0; i < shape_count(y_shape); i++)
        db[i / plane % y_shape.c] += dy[i];
}

struct shape reference_conv_shape(struct conv_attributes a, struct shape x,
                                  uint32_t c_out)
{
    return (struct shape){ x.n, c_out, (x.h + 2 * a.pad - a.kernel) / a.stride + 1,
                           (x.w + 2 * a.pad - a.kernel) / a.stride + 1 };
}

struct shape reference_conv_transpose_shape(struct conv_attributes a, struct shape x,
                                            uint32_t c_out)
{
    return (struct shape){ x.n, c_out,
                           (x.h - 1) * a.stride + a.kernel + a.output_pad - 2 * a.pad,
                           (x.w - 1) * a.stride + a.kernel + a.output_pad - 2 * a.pad };
}

void reference_conv_forward(struct conv_attributes a, struct shape x_shape,
                            uint32_t c_out, const double *x, const double *w,
                            const double *b, double *y)
{
    struct shape y_shape = reference_conv_shape(a, x_shape, c_out);
    struct arrays arrays = { .x = x, .w = w, .y = y };
    fill_bias(y_shape, b, y);
    for_each_meeting(a, x_shape, y_shape, meet_forward, &arrays);
}

void reference_conv_backward(struct conv_attributes a, struct shape x_shape,
                             uint32_t c_out, const double *x, const double *w,
                             const double *dy, double *dx, double *dw, double *db)
{
    struct shape y_shape = reference_conv_shape(a, x_shape, c_out);
    struct arrays arrays = { .x = x, .w = w, .dy = dy, .dx = dx, .dw = dw };
    memset(dx, 0, shape_count(x_shape) * sizeof(*dx));
    memset(dw, 0, (size_t)c_out * x_shape.c * a.kernel * a.kernel * sizeof(*dw));
    for_each_meeting(a, x_shape, y_shape, meet_backward, &arrays);
    sum_bias(y_shape, dy, db);
}

void reference_conv_transpose_forward(struct conv_attributes a, struct shape x_shape,
                                      uint32_t c_out, const double *x, const double *w,
                                      const double *b, double *y)
{
    struct shape y_shape = reference_conv_transpose_shape(a, x_shape, c_out);
    struct arrays arrays = { .x = x, .w = w, .y = y };
    fill_bias(y_shape, b, y);
    for_each_meeting(a, y_shape, x_shape, meet_transpose_forward, &arrays);
}

void reference_conv_transpose_backward(struct conv_attributes a, struct shape x_shape,
                                       uint32_t c_out, const double *x, const double *w,
                                       const double *dy, double *dx, double *dw,
                                       double *db)
{
    struct shape y_shape = reference_conv_transpose_shape(a, x_shape, c_out);
    struct arrays arrays = { .x = x, .w = w, .dy = dy, .dx = dx, .dw = dw };
    memset(dx, 0, shape_count(x_shape) * sizeof(*dx));
    memset(dw, 0, (size_t)c_out * x_shape.c * a.kernel * a.kernel * sizeof(*dw));
    for_each_meeting(a, y_shape, x_shape, meet_transpose_backward, &arrays);
    sum_bias(y_shape, dy, db);
}
