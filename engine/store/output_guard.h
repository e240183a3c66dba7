// SPDX-License-Identifier: MIT
//
// What `convert` must not write over. Functions return false after one message.

#ifndef STORE_OUTPUT_GUARD_H
#define STORE_OUTPUT_GUARD_H

#include "base/base.h"

// Whether a path is none of a checkpoint, whose run could not be resumed, and of
// nothing that may be one.
bool output_guard_checkpoint(const char *path);

// Whether a path leads to none of the inputs, by whatever names. Of those that are NULL
// nothing is asked.
bool output_guard_inputs(const char *path, const char *const *inputs, size_t count);

#endif
