// SPDX-License-Identifier: MIT
//
// Every element becomes a square of four (nearest neighbour).
//
//     y[r][q] = x[r / 2][q / 2]
//     dx[r][q] = dy[2r][2q] + dy[2r][2q + 1] + dy[2r + 1][2q] + dy[2r + 1][2q + 1]

#ifndef SHARED_UPSAMPLE_H
#define SHARED_UPSAMPLE_H

#include "shared/base.h"

struct upsample_params {
    uint count;     // elements of what is written: y forward, dx backward
    uint stride;    // invocations of the grid
    uint h, w;      // of x
    uint channels;
    STRUCT(view) x, y;    // also of dx and dy
    uint accumulate;      // backward: 1 adds to dx, 0 overwrites it
};

#endif
