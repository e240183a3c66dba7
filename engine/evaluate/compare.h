// SPDX-License-Identifier: MIT
//
// Images against images, without a model.

#ifndef EVALUATE_COMPARE_H
#define EVALUATE_COMPARE_H

#include "pix2pix.h"

struct gpu_device;

// See pix_compare. `device` is that of the options, or NULL.
bool compare_images(const struct pix_compare_options *options,
                    struct gpu_device *device, double submission_seconds,
                    struct pix_evaluation *out);

#endif
