// SPDX-License-Identifier: MIT
//
// The tensors of a file by name, whatever kind of file it is: what networks are
// recognised from.

#ifndef STORE_DICTIONARY_H
#define STORE_DICTIONARY_H

#include "base/base.h"

#define DICTIONARY_RANK 4

// `find` gives the sides of a tensor, or false if there is none of this name or its
// rank is not 1 to DICTIONARY_RANK.
struct dictionary {
    bool (*find)(const void *user, const char *name, uint32_t *rank,
                 uint64_t sides[DICTIONARY_RANK]);
    const void *user;
};

struct dictionary_tensor {
    uint32_t rank;    // 0: there is none
    uint64_t sides[DICTIONARY_RANK];
};

// The tensor of this name. Tensors with sides that no network has count as absent, so
// that sides fit 32 bits.
struct dictionary_tensor dictionary_find(const struct dictionary *d, const char *format,
                                         ...) PRINTF_LIKE(2, 3);
bool dictionary_has(const struct dictionary *d, const char *name);

#endif
