// SPDX-License-Identifier: MIT
//
// Images against images, without a model.

#ifndef EVALUATE_COMPARE_H
#define EVALUATE_COMPARE_H

#include "pix2pix.h"

// See pix_compare.
bool compare_images(const struct pix_compare_options *options,
                    struct pix_evaluation *out);

#endif
