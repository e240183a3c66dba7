// SPDX-License-Identifier: MIT
//
// How a weight appears in files: the rules of PyTorch's state_dict for names and
// shapes.

#ifndef STORE_WEIGHT_NAMES_H
#define STORE_WEIGHT_NAMES_H

#include "tensor/weights.h"

#define WEIGHT_NAMES_RANK 4u

// Whether files hold it as a vector [c] and not as a kernel [n, c, h, w].
bool weight_names_is_vector(const struct weight *w);

// The sides of a weight in files; returns how many. `sides` has room for
// WEIGHT_NAMES_RANK.
uint32_t weight_names_sides(const struct weight *w, uint64_t *sides);

// "model.1.num_batches_tracked" for "model.1.running_mean": the counter of batches that
// PyTorch keeps beside each running mean. NULL for other weights and when out of
// memory. Caller frees.
char *weight_names_counter(const struct weight *w);

bool weight_names_end_with(const char *name, const char *end);

#endif
