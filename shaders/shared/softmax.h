// SPDX-License-Identifier: MIT
//
// Classes of pixels. The channels of a pixel are the logits of its classes, [n, c, h,
// w], and p is their softmax over c:
//
//     p[c] = exp(x[c] - max x) / sum over k of exp(x[k] - max x)
//
// Probabilities are held as networks hold images, 0 as -1 and 1 as 1:
//
//     softmax          y = 2 p - 1
//                      dx[c] = 2 p[c] (dy[c] - sum over k of dy[k] p[k])
//     cross entropy    f = sum over c of q[c] (log(sum over k of exp(x[k])) - x[c])
//                      df/dx[c] = p[c] (sum over k of q[k]) - q[c]
//
// q = (t + 1) / 2 is what the target says: 1 in the channel of the class, 0 elsewhere.
// The loss is the mean of f over pixels. Softmax's backward pass takes p from y; cross
// entropy is one op, since the logarithm of a probability that was rounded to 0 is not
// finite.
//
// As losses do, cross entropy writes one partial sum for each workgroup, which
// reduce_sum adds up.

#ifndef SHARED_SOFTMAX_H
#define SHARED_SOFTMAX_H

#include "shared/base.h"

struct softmax_params {
    uint count;     // pixels of all samples
    uint stride;    // invocations of the grid
    uint channels;
    uint plane;               // pixels of a sample
    STRUCT(view) x, y, dy;    // backward: x is dx
    uint accumulate;          // backward: 1 adds to dx, 0 overwrites it
};

#define CROSS_ENTROPY_SPEC_SEED                                                        \
    1    // backward: 1: dloss is read, 0: it is in the factor

struct cross_entropy_params {
    uint count;     // pixels of all samples
    uint stride;    // invocations of the grid
    uint channels;
    uint plane;    // pixels of a sample
    STRUCT(view) x, t, dx;
    STRUCT(view) dloss;
    float factor;       // backward: weight / pixels
    uint accumulate;    // backward: 1 adds to dx, 0 overwrites it
};

#endif
