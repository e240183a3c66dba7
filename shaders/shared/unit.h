// SPDX-License-Identifier: MIT
//
// The channels of each pixel as a vector of length 1: [n, c, h, w] -> [n, c, h, w]. The
// length is s = sqrt(sum over c of x^2).
//
//     y = x / (s + epsilon)
//     dx = (dy - x (sum over c of dy x) / (s (s + epsilon))) / (s + epsilon)
//
// A vector of zeros has no direction: there y and dx are 0.

#ifndef SHARED_UNIT_H
#define SHARED_UNIT_H

#include "shared/base.h"

#define UNIT_EPSILON 1e-10

struct unit_params {
    uint count;     // pixels of all samples
    uint stride;    // invocations of the grid
    uint channels;
    uint plane;           // pixels of a sample
    STRUCT(view) x, y;    // backward: y is dy
    STRUCT(view) dx;
    uint accumulate;    // backward: 1 adds to dx, 0 overwrites it
};

#endif
