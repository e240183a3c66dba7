// SPDX-License-Identifier: MIT
//
// A convolution or a transposed one in all directions, against the reference.

#ifndef SUPPORT_CONV_CASE_H
#define SUPPORT_CONV_CASE_H

#include "support/gpu.h"

struct conv_case {
    struct shape x;
    uint32_t c_out;
    struct conv_attributes a;    // a convolution leaves output_pad out
    bool bias;
};

// The networks' own shapes, and odd ones.
const struct conv_case *conv_case_table(size_t *count);

// Cases of equal kernel, stride and padding are a group: drivers compile kernels for
// each of these, but not for each size. The number of a case's group.
size_t conv_case_group(size_t i);

struct shape conv_case_out_shape(const struct conv_case *c, bool transpose);
struct shape conv_case_weight_shape(const struct conv_case *c, bool transpose);
struct tensor *conv_case_build(struct graph *g, bool transpose, struct tensor *x,
                               struct tensor *w, struct tensor *b,
                               struct conv_attributes a);

// Limits that force one variant for all calls, where the device allows it.
struct op_limits conv_case_force(const char *variant);

// Runs the forward pass and the gradients of input, weights and bias; `kernels` is what
// a failure calls them. With `accumulate` the gradients are added to others.
void conv_case_run(const struct conv_case *c, bool transpose, const char *kernels,
                   struct op_limits limits, bool accumulate);

// More workgroups than fit on one axis, also for a bias, and a sum of more terms than
// the loops of llvmpipe have iterations.
void conv_case_run_large(const char *kernels, struct op_limits limits);

#endif
