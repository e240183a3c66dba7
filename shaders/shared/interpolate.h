// SPDX-License-Identifier: MIT
//
// Points between two tensors, one for each sample.
//
//     y = alpha * a + (1 - alpha) * b
//
// alpha is a param, or, if that is negative, drawn from [0, 1) for each sample: the
// upper 24 bits of the first word of Philox 4x32-10 with the counter (sample, step,
// stream, INTERPOLATE_PURPOSE) and the run's seed as key. The sample is counted in the
// whole batch, of which the tensors may be a part.

#ifndef SHARED_INTERPOLATE_H
#define SHARED_INTERPOLATE_H

#include "shared/base.h"

#define INTERPOLATE_PURPOSE 1    // dropout has 0

struct interpolate_params {
    uint count;     // elements
    uint stride;    // invocations of the grid
    uint run;       // elements of a sample
    STRUCT(view) a, b, y;
    float alpha;
    uint stream;    // of the node
    uint first_sample;
};

#endif
