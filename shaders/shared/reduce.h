// SPDX-License-Identifier: MIT
//
// Sums by one workgroup, see lib/reduce.glsl, and the last step of a longer sum:
//
//     y = factor * sum of x

#ifndef SHARED_REDUCE_H
#define SHARED_REDUCE_H

#include "shared/base.h"

// Invocations of every kernel that sums in its workgroup; a power of two.
#define REDUCE_WORKGROUP 128

struct reduce_params {
    uint count;    // elements of x
    float factor;
};

#endif
