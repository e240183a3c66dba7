// SPDX-License-Identifier: MIT
//
// Formulas that give images and first weights to PyTorch (tests/golden/reference.py)
// and to the engine, to the same bits.

#ifndef SELFTEST_GOLDEN_H
#define SELFTEST_GOLDEN_H

#include "tensor/tensor.h"

// FNV-1a of a text without its end; output `index` of the SplitMix64 generator (Steele,
// Lea, Flood 2014) that starts at `seed`.
uint64_t golden_hash(const char *text);
uint64_t golden_splitmix(uint64_t seed, uint64_t index);

// The deterministic image: [n, c, h, w] in [-1, 1].
void golden_input(struct shape s, float *x);

// Values within scale of offset, by the name of a tensor ("G.model.model.0.weight").
void golden_weight(const char *name, uint64_t count, double scale, double offset,
                   float *values);

// What a tensor of that name and rank starts from in a training case: convolutions
// within conv_scale of 0, vectors within 0.05 of what the port starts them from. Names
// tell norm scales and running variances only with `is_one`, which the caller knows.
void golden_start(const char *name, bool is_conv, bool is_one, uint64_t count,
                  double conv_scale, float *values);

#endif
