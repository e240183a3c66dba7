// SPDX-License-Identifier: MIT
//
// What PyTorch makes of a few training steps on formula images of 32 x 32 (golden.h):
// losses in double precision, and of the first step's gradients the length and sums
// with signs, by which their distance from another one is estimated.

#ifndef SELFTEST_GOLDEN_STEPS_H
#define SELFTEST_GOLDEN_STEPS_H

#include "base/base.h"

#define GOLDEN_STEPS 3
#define GOLDEN_SUMS 8

enum golden_loss {
    GOLDEN_D_REAL,
    GOLDEN_D_FAKE,
    GOLDEN_G_GAN,
    GOLDEN_G_L1,
    GOLDEN_D_GP,
    GOLDEN_LOSSES
};

struct golden_gradient {
    uint64_t name;    // golden_hash of "G.model.model.0.weight"
    double length;
    // Bit j of golden_splitmix(golden_hash("sketch"), i) set: element i counts as
    // negative in sum j.
    double sums[GOLDEN_SUMS];
};

struct golden_steps {
    double g_scale, d_scale;    // of golden_start
    double alpha;               // of the gradient penalty
    double losses[GOLDEN_STEPS][GOLDEN_LOSSES];
    const struct golden_gradient *gradients;
    size_t gradient_count;
};

// U-Nets of five levels and a ResNet of six blocks, 4 filters, against PatchGANs of 4
// filters: batch norm and vanilla GAN on two pairs; instance norm and lsgan on one;
// batch norm, none in D, upsampling and wgangp on two.
extern const struct golden_steps golden_unet_batch, golden_resnet_instance,
    golden_resize_wgangp;

#endif
