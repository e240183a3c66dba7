// SPDX-License-Identifier: MIT
//
// Numbers that change every step. They cannot be push constants, which are part of
// the recorded commands: the host writes this block before each submission.

#ifndef SHARED_STEP_H
#define SHARED_STEP_H

#include "shared/base.h"

struct step_block {
    uint step;        // from 1
    uint seed_low;    // of the run
    uint seed_high;
    float lr;                // learning rate
    float adam_step_size;    // lr / (1 - beta1^step)
    float adam_root;         // sqrt(1 - beta2^step)
};

#endif
