// SPDX-License-Identifier: MIT
//
// Optimisers, in PyTorch's forms.
//
//     adam   m = beta1 m + (1 - beta1) g          v = beta2 v + (1 - beta2) g^2
//            w = w - step_size m / (sqrt(v) / root + epsilon)
//     sgd    m = momentum m + g
//            w = w - lr m
//
// step_size = lr / (1 - beta1^step), root = sqrt(1 - beta2^step) and lr are in the step
// block.
//
// Where a new number is not finite, the weight's flag (tensor/weights.h) becomes
// FLAG_NOT_FINITE. Invocations write the same number there, so none waits for another.

#ifndef SHARED_ADAM_H
#define SHARED_ADAM_H

#include "shared/base.h"

#define FLAG_NOT_FINITE 1.0
#define FLAG_ELEMENTS                                                                  \
    64    // that a flag takes; the copy of 16 bits, if any, is behind it

struct adam_rule {
    float beta1, beta2;
    float one_beta1, one_beta2;    // 1 - beta, which has more digits from the host
    float epsilon;
};

struct adam_params {
    uint count;     // elements
    uint stride;    // invocations of the grid
    uint part;      // where the flag lies, from v on
    STRUCT(adam_rule) rule;
};

struct sgd_params {
    uint count;
    uint stride;
    float momentum;
};

#endif
