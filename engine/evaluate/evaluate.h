// SPDX-License-Identifier: MIT
//
// How good the outputs of a model are on pairs, beside two baselines.

#ifndef EVALUATE_EVALUATE_H
#define EVALUATE_EVALUATE_H

#include "base/base.h"
#include "pix2pix.h"

struct translator;

// Translates every input of DATA/split and compares the outputs with the targets, see
// pix_evaluate. With `grid` (a path) it also writes a contact sheet of the first
// `grid_rows` pairs. Broken pairs are reported and counted. False after a message: the
// data cannot be listed, no pair can be read, or a translation failed.
bool evaluate_pairs(struct translator *t, const char *data, const char *split,
                    const char *grid, uint32_t grid_rows, struct pix_evaluation *out);

#endif
