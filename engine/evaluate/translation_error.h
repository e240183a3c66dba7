// SPDX-License-Identifier: MIT
//
// The error of a generator on staged pairs, as a graph: validation during training runs
// it on the weights that are being trained.

#ifndef EVALUATE_TRANSLATION_ERROR_H
#define EVALUATE_TRANSLATION_ERROR_H

#include "models/model.h"
#include "models/staging.h"

struct translation_error {
    struct tensor *pixels, *jitter;    // in: see struct staged_pairs, batch 1
    struct tensor *l1;                 // out: 1 float, the mean of |G(x) - y|
};

// A stable translation of one staged pair of h x w pixels, not cropped, and its mean
// absolute error, pixels as [-1, 1]. False after a message.
bool translation_error_build(struct graph *g, struct weights *generator,
                             const struct generator_options *options,
                             struct staging staging, uint32_t h, uint32_t w,
                             struct translation_error *out);

#endif
