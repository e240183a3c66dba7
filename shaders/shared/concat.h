// SPDX-License-Identifier: MIT
//
// Copies a tensor into or onto another one of the same shape; slices are what makes it
// more than a copy of memory.

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
