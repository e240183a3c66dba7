// SPDX-License-Identifier: MIT
//
// What PyTorch makes of operations that are in no golden step: arrays in the order in
// which operations.c looks at them.

#ifndef SELFTEST_GOLDEN_OPERATIONS_H
#define SELFTEST_GOLDEN_OPERATIONS_H

#include "base/base.h"

#define GOLDEN_OUTPUTS 2

struct golden_operation {
    struct golden_array {
        const float *values;    // NULL: there is none
        size_t count;
    } outputs[GOLDEN_OUTPUTS];
};

extern const struct golden_operation golden_softmax, golden_cross_entropy,
    golden_dropout, golden_dropout_of_norm, golden_sgd, golden_average,
    golden_augmentation, golden_distance;

#endif
