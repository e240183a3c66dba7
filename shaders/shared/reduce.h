// SPDX-License-Identifier: MIT
//
// Sums by one workgroup, see lib/reduce.glsl, and the last step of a longer sum:
//
//     y[i] = factor * sum of row i of x

#ifndef SHARED_REDUCE_H
#define SHARED_REDUCE_H

#include "shared/base.h"

// Invocations of most kernels that sum in their workgroup; a power of two. Norms choose
// between 8 and the largest.
#define REDUCE_WORKGROUP 128
#define REDUCE_WORKGROUP_MAX 256

struct reduce_params {
    uint count;    // elements of a row
    float factor;
};

#endif
