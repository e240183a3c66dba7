// SPDX-License-Identifier: MIT
//
// Mean and variance of a rectangle of each channel, of an image that is looked at piece
// by piece. x [n, c, h, w] -> [n, c, 1, MOMENTS].
//
//     mean      = 1 / count sum x
//     variance  = 1 / count sum (x - mean)^2
//
// The rectangle is given in units of `step` elements; it has at least one of them.

#ifndef SHARED_MOMENTS_H
#define SHARED_MOMENTS_H

#include "shared/base.h"
#include "shared/reduce.h"

#define MOMENTS_MEAN 0
#define MOMENTS_VARIANCE 1
#define MOMENTS 2

// The rectangle: its first row and column, then those behind its last ones; floats.
#define MOMENTS_TOP 0
#define MOMENTS_LEFT 1
#define MOMENTS_BOTTOM 2
#define MOMENTS_RIGHT 3
#define MOMENTS_REGION 4

// One workgroup for each channel of each sample, in rows of `row` workgroups.
struct moments_params {
    uint groups;
    uint channels;
    uint h, w;
    uint row;
    uint step;    // what the rectangle is divided by
    STRUCT(view) x;
};

#endif
