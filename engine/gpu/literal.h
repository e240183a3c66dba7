// SPDX-License-Identifier: MIT
//
// Modules whose specialisation constants are literals, for drivers that do not take
// constants everywhere.

#ifndef GPU_LITERAL_H
#define GPU_LITERAL_H

#include "gpu/shaders.h"

// A copy of a module in which the constants that `key` gives have its values and cannot
// be specialised any more. *size is its bytes; the caller frees it with mem_free. NULL
// if out of memory, after a message.
uint32_t *gpu_literal_module(const struct gpu_kernel_key *key, size_t *size);

#endif
