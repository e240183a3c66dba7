// SPDX-License-Identifier: MIT
//
// The definition of convolution and transposed convolution on the host, straight from
// the words: a convolution gathers, a transposed convolution scatters. Plain loops over
// [n, c, h, w] arrays of doubles; everything is overwritten.

#ifndef SELFTEST_REFERENCE_CONV_H
#define SELFTEST_REFERENCE_CONV_H

#include "ops/op.h"

// The output's shape.
struct shape reference_conv_shape(struct conv_attributes a, struct shape x,
                                  uint32_t c_out);
struct shape reference_conv_transpose_shape(struct conv_attributes a, struct shape x,
                                            uint32_t c_out);

// w [c_out, c, k, k]; b [c_out] or NULL.
void reference_conv_forward(struct conv_attributes a, struct shape x_shape,
                            uint32_t c_out, const double *x, const double *w,
                            const double *b, double *y);
void reference_conv_backward(struct conv_attributes a, struct shape x_shape,
                             uint32_t c_out, const double *x, const double *w,
                             const double *dy, double *dx, double *dw, double *db);

// w [c, c_out, k, k].
void reference_conv_transpose_forward(struct conv_attributes a, struct shape x_shape,
                                      uint32_t c_out, const double *x, const double *w,
                                      const double *b, double *y);
void reference_conv_transpose_backward(struct conv_attributes a, struct shape x_shape,
                                       uint32_t c_out, const double *x, const double *w,
                                       const double *dy, double *dx, double *dw,
                                       double *db);

#endif
