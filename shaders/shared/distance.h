// SPDX-License-Identifier: MIT
//
// How far two maps of features are from one another: the mean over the pixels of each
// sample of a weighted sum over its channels. a and b [n, c, h, w], w [1, c, 1, 1], y
// [n, 1, 1, 1].
//
//     y = sum over c, h, w of w[c] (a - b)^2 / (h w)
//     da = 2 w[c] (a - b) dy / (h w)        db = -da
//
// w gets no gradient: it is a constant. Forward writes one partial sum for each
// workgroup, then reduce_sum adds up those of a sample. Backward reads 2 w[c] dy / (h
// w) as one tensor, [n, c, 1, 1], that distance_factors makes of w and dy, or [1, c, 1,
// 1] where dy is the same number everywhere.

#ifndef SHARED_DISTANCE_H
#define SHARED_DISTANCE_H

#include "shared/base.h"
#include "shared/reduce.h"

#define DISTANCE_MAX_PARTIAL 256    // of a sample

#define DISTANCE_SPEC_SEED 1    // factors: 1: dy is read, 0: it is part of the factor

struct distance_params {
    uint count;     // forward: elements of a sample; backward: of all samples
    uint stride;    // invocations of the grid, forward: of a sample
    uint run;       // elements of a sample
    uint plane;     // pixels of a sample
    STRUCT(view) a, b;
    STRUCT(view) dx;    // of the side that `sign` says
    uint each;     // backward: 1: each sample has factors of its own, 0: all share them
    float sign;    // backward: 1 for da, -1 for db
    uint accumulate;    // backward: 1 adds to dx, 0 overwrites it
};

struct distance_factors_params {
    uint count;     // of what is written
    uint stride;    // invocations of the grid
    uint channels;
    STRUCT(view) dy;
    float factor;    // 2 / (h w), and dy where it is not read
};

#endif
