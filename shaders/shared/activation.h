// SPDX-License-Identifier: MIT
//
// Elementwise activations.
//
//     leaky     y = x > 0 ? x : slope * x     dx = dy * (y > 0 ? 1 : slope)
//     tanh      y = tanh(x)                   dx = dy * (1 - y * y)
//     sigmoid   y = 1 / (1 + exp(-x))         dx = dy * y * (1 - y)
//
// All derivatives use y only, so backward never needs x. ReLU is leaky with slope 0.

#ifndef SHARED_ACTIVATION_H
#define SHARED_ACTIVATION_H

#include "shared/base.h"

#define ACTIVATION_SPEC_KIND 1

#define ACTIVATION_LEAKY 0
#define ACTIVATION_TANH 1
#define ACTIVATION_SIGMOID 2

struct activation_params {
    uint count;        // elements
    uint stride;       // invocations of the grid
    uint run;          // elements of a sample
    STRUCT(view) x;    // also dx
    STRUCT(view) y, dy;
    float slope;        // of the negative side, leaky only
    uint accumulate;    // backward: 1 adds to dx, 0 overwrites it
};

#endif
