// SPDX-License-Identifier: MIT
//
// Each of three channels by constants of its own, [n, 3, h, w] -> [n, 3, h, w]:
//
//     y = scale[c] x + shift[c]        dx = scale[c] dy
//
// Backward is the same kernel, without the shift.

#ifndef SHARED_AFFINE_H
#define SHARED_AFFINE_H

#include "shared/base.h"

struct affine_params {
    uint count;     // elements
    uint stride;    // invocations of the grid
    uint run;       // elements of a sample
    uint plane;     // pixels of a sample
    STRUCT(view) x, y;
    float scale_0, scale_1, scale_2;
    float shift_0, shift_1, shift_2;
    uint accumulate;    // 1 adds to y, 0 overwrites it
};

#endif
