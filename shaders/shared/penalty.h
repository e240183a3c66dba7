// SPDX-License-Identifier: MIT
//
// How far the lengths of gradients are from 1: x has the gradient of each sample.
// Gulrajani et al. 2017, "Improved Training of Wasserstein GANs", equation 3.
//
//     norm = sqrt(sum of x^2 of the sample)
//     y = factor * sum over samples of (norm - 1)^2     factor = weight / samples
//     dx = dy * factor * 2 (norm - 1) / norm * x        0 where the norm is 0
//
// The sums of squares are made by loss_forward and reduce_sum; backward reads them
// again.

#ifndef SHARED_PENALTY_H
#define SHARED_PENALTY_H

#include "shared/base.h"
#include "shared/reduce.h"

#define PENALTY_SPEC_SEED 1    // backward: 1: dy is read, 0: it is part of the factor

// penalty_forward: one workgroup over the samples.
struct penalty_forward_params {
    uint samples;
    float factor;
};

struct penalty_backward_params {
    uint count;     // elements
    uint stride;    // invocations of the grid
    uint run;       // elements of a sample
    STRUCT(view) x, dx;
    STRUCT(view) dy;
    float factor;
    uint accumulate;    // 1 adds to dx, 0 overwrites it
};

#endif
