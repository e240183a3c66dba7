// SPDX-License-Identifier: MIT
//
// Copies a range of channels of every sample. In memory that is one run of elements per
// sample, at a place and with a distance that differ between the two tensors.
//
//     to[n][to_first + i] = from[n][from_first + i]      0 <= i < inner

#ifndef SHARED_CONCAT_H
#define SHARED_CONCAT_H

#include "shared/base.h"

struct concat_params {
    uint count;                      // elements copied, of all samples
    uint stride;                     // invocations of the grid
    uint inner;                      // elements copied of one sample
    uint from_sample, from_first;    // elements of a sample; where the run starts
    uint to_sample, to_first;
    uint accumulate;    // 1 adds, 0 overwrites
};

#endif
