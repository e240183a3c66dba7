// SPDX-License-Identifier: MIT
//
// Padding by `size` on all four sides, with zeros or with the mirrored image (its
// edge not repeated; size < h, w).
//
//     y[r][q] = x[source(r - size, h)][source(q - size, w)]
//     source(i, n) = i < 0 ? -i : i >= n ? 2 * (n - 1) - i : i
//
// Backward gathers: dx[r][q] is the sum of dy over the at most three rows and three
// columns whose source is r and q, in a fixed order.

#ifndef SHARED_PAD_H
#define SHARED_PAD_H

#include "shared/base.h"

#define PAD_SPEC_KIND 1

#define PAD_ZERO 0
#define PAD_REFLECT 1

struct pad_params {
    uint count;     // elements of what is written: y forward, dx backward
    uint stride;    // invocations of the grid
    uint h, w;      // of x
    uint size;
    uint channels;
    STRUCT(view) x, y;    // also of dx and dy
    uint accumulate;      // backward: 1 adds to dx, 0 overwrites it
};

#endif
