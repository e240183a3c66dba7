// SPDX-License-Identifier: MIT
//
// Exponential moving average of a weight.
//
//     average = decay * average + (1 - decay) * value        decay 0: a copy

#ifndef SHARED_EMA_H
#define SHARED_EMA_H

#include "shared/base.h"

struct ema_params {
    uint count;     // elements
    uint stride;    // invocations of the grid
    float decay;
    float one_decay;    // 1 - decay, which has more digits from the host
};

#endif
