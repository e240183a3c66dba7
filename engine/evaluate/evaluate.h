// SPDX-License-Identifier: MIT
//
// How good the outputs of a model are on pairs, beside two baselines.

#ifndef EVALUATE_EVALUATE_H
#define EVALUATE_EVALUATE_H

#include "base/base.h"
#include "pix2pix.h"

struct translator;

// See pix_evaluate; broken pairs are reported and counted. False after a message: the
// data cannot be listed, no pair can be read, or a translation failed.
bool evaluate_pairs(struct translator *t, const struct pix_evaluate_options *options,
                    struct pix_evaluation *out);

#endif
