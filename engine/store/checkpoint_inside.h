// SPDX-License-Identifier: MIT
//
// The inside of a checkpoint, for the files that are one: checkpoint_write.c writes it,
// checkpoint.c reads it.

#ifndef STORE_CHECKPOINT_INSIDE_H
#define STORE_CHECKPOINT_INSIDE_H

#include "store/checkpoint.h"

// Whether no number is infinite or NaN.
bool checkpoint_all_finite(const void *data, uint64_t bytes);

// The name of the counter of batches beside a weight of a network, "G" or "D". Caller
// frees; NULL after a message.
char *checkpoint_counter_name(const char *network, const struct weight *w);

#endif
