// SPDX-License-Identifier: MIT
//
// Losses, each the mean of f over all elements. t is a tensor, or one label for all.
//
//     l1    f = |x - t|                                        df/dx = sign(x - t)
//     mse   f = (x - t)^2                                      df/dx = 2 (x - t)
//     bce   f = max(x, 0) - x t + log(1 + exp(-|x|))           df/dx = sigmoid(x) - t
//     hinge f = max(0, 1 - t x)                                df/dx = t x < 1 ? -t : 0
//     mean  f = t x                                            df/dx = t
//
// bce takes logits; its form is -t log s(x) - (1 - t) log(1 - s(x)) without overflow.
// df/dt is -df/dx for l1 and mse, and -x for bce; hinge and mean have labels only.
//
// Forward writes one partial sum for each workgroup (at most LOSS_MAX_PARTIAL for a
// group of samples), then reduce_sum adds them up.

#ifndef SHARED_LOSS_H
#define SHARED_LOSS_H

#include "shared/base.h"
#include "shared/reduce.h"

#define LOSS_MAX_PARTIAL 256

#define LOSS_SPEC_KIND 1
#define LOSS_SPEC_TARGET 2    // 1: t is a tensor
#define LOSS_SPEC_SIDE 3      // backward: 0 df/dx, 1 df/dt
#define LOSS_SPEC_SEED 4      // backward: 1: dloss is read, 0: it is part of the factor

#define LOSS_L1 0
#define LOSS_MSE 1
#define LOSS_BCE 2
#define LOSS_HINGE 3
#define LOSS_MEAN 4

// The samples may be in equal groups, each with a label and a loss of its own.
struct loss_params {
    uint count;     // elements; forward: of a group
    uint stride;    // invocations of the grid
    uint run;       // elements of a sample
    STRUCT(view) x, t, dx;
    STRUCT(view) dloss;
    uint group;                       // elements of a group
    float label_first, label_last;    // of the first group, of the others
    float factor;                     // backward: weight / elements of a group
    uint accumulate;                  // backward: 1 adds to dx, 0 overwrites it
};

#endif
