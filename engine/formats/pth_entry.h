// SPDX-License-Identifier: MIT
//
// One tensor of a file of torch.save, as its readers see it.

#ifndef FORMATS_PTH_ENTRY_H
#define FORMATS_PTH_ENTRY_H

#include "base/base.h"

#define PTH_RANK_MAX 8u

struct pth_entry {
    const char *name;
    const char *kind;    // "F32", "F16", "BF16", "F64", "I64", ... as in safetensors
    uint32_t rank;       // 0: one value
    uint64_t sides[PTH_RANK_MAX];
    uint64_t count;    // number of values, the product of the sides
};

#endif
