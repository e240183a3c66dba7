// SPDX-License-Identifier: MIT
//
// The loss scale of a network that is trained in f16 (Micikevicius et al. 2018, section
// 3.2), and all that it decides: it stays on the device, so that no step waits for the
// host.
//
//     dloss = scale              what the gradient of a loss starts from
//     overflow = 1               by a kernel whose gradient f16 cannot hold, and in the
//                                forward pass by one whose activation it cannot hold
//     at the update of a network, once (scaler.comp):
//         skip = overflow, inverse = 1 / scale
//         skipped: scale = max(scale / 2, SCALER_LEAST), good = 0
//         else:    steps += 1, good += 1; at SCALER_PATIENCE: scale *= 2, good = 0
//     w, m, v                    are left as they are if skip, else updated by inverse
//     dw
//
// Adam's corrections count the updates that were made, so they are here as well. The
// powers of beta are products in floats: they matter for some thousands of steps.

#ifndef SHARED_SCALER_H
#define SHARED_SCALER_H

#include "shared/adam.h"
#include "shared/base.h"

#define SCALER_FIRST 65536.0
#define SCALER_MOST 16777216.0
#define SCALER_LEAST 1.0
#define SCALER_PATIENCE 2000

struct scaler_block {
    float scale;                       // of losses, from the next step on
    float inverse;                     // of the one that the gradients under way have
    uint overflow;                     // since the last update
    uint skip;                         // of the update under way
    uint good;                         // updates since the scale has changed
    uint skipped;                      // updates that were left out
    uint steps;                        // updates that were made
    float beta1_power, beta2_power;    // beta^steps
    float adam_step_size;              // as in the step block, by these
    float adam_root;
    uint unused;
};

struct scaler_params {
    float beta1, beta2;    // 0 and 0: not Adam
};

#endif
