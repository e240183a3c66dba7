// SPDX-License-Identifier: MIT
//
//     y = value

#ifndef SHARED_FILL_H
#define SHARED_FILL_H

#include "shared/base.h"

struct fill_params {
    uint count;     // elements
    uint stride;    // invocations of the grid
    float value;
};

#endif
