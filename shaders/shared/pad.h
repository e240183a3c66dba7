// SPDX-License-Identifier: MIT
//
// Padding by `size` on all four sides: with zeros, with the mirrored image (its edge
// not repeated; size < h or w), or with the image itself, as if it began again where it
// ends. Rows and columns each have their kind.
//
//     y[r][q] = x[source(r - size, h)][source(q - size, w)]
//     reflect: source(i, n) = i < 0 ? -i : i >= n ? 2 * (n - 1) - i : i
//     wrap: source(i, n) = i mod n, from 0 to n - 1
//
// Backward gathers: dx[r][q] is the sum of dy over the rows and columns whose source is
// r and q, in a fixed order: at most three of either, or with wrap one in each
// repetition.

#ifndef SHARED_PAD_H
#define SHARED_PAD_H

#include "shared/base.h"

#define PAD_SPEC_DOWN 1      // the kind of rows
#define PAD_SPEC_ACROSS 2    // of columns

#define PAD_ZERO 0
#define PAD_REFLECT 1
#define PAD_WRAP 2

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
