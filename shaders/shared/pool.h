// SPDX-License-Identifier: MIT
//
// The maximum of each window of kernel x kernel elements, every `stride` elements,
// without padding: [n, c, h, w] -> [n, c, h', w']. As torch.nn.MaxPool2d has it.
//
//     y[r][q] = max of x[stride r + a][stride q + b] over a, b in 0 .. kernel - 1
//
// A window may reach over the last row and column (ceil mode); it begins inside. Of
// equal elements the first one, by rows, is the maximum, and NaN is larger than any
// number.
//
// Backward gathers: dx of an element is the sum of dy over those windows, at most
// ceil(kernel / stride)^2, whose maximum it is, in a fixed order.

#ifndef SHARED_POOL_H
#define SHARED_POOL_H

#include "shared/base.h"

#define POOL_SPEC_KERNEL 1
#define POOL_SPEC_STRIDE 2

struct pool_params {
    uint count;           // elements of what is written: y forward, dx backward
    uint stride;          // invocations of the grid
    uint h, w;            // of x
    uint h_out, w_out;    // of y
    uint channels;
    STRUCT(view) x, y;
    STRUCT(view) dx;    // backward: y is dy
    uint accumulate;    // backward: 1 adds to dx, 0 overwrites it
};

#endif
