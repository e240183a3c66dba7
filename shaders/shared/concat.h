// SPDX-License-Identifier: MIT
//
// Copies a tensor to another one of the same shape, or adds it to that. Either may be a
// slice, which a copy of memory could not do.

#ifndef SHARED_CONCAT_H
#define SHARED_CONCAT_H

#include "shared/base.h"

struct concat_params {
    uint count;     // elements
    uint stride;    // invocations of the grid
    uint run;       // elements of a sample
    STRUCT(view) from, to;
    uint accumulate;    // 1 adds, 0 overwrites
};

#endif
