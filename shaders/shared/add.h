// SPDX-License-Identifier: MIT
//
// Sum and scale.
//
//     one term    y = a * x               dx = a * dy
//     two terms   y = a * x + b * z       dx = a * dy, dz = b * dy
//
// Backward is the same kernel with one term.

#ifndef SHARED_ADD_H
#define SHARED_ADD_H

#include "shared/base.h"

#define ADD_SPEC_TERMS 1    // 1: z is not read

struct add_params {
    uint count;     // elements
    uint stride;    // invocations of the grid
    uint run;       // elements of a sample
    STRUCT(view) x, z, y;
    float a, b;
    uint accumulate;    // 1 adds to y, 0 overwrites it
};

#endif
