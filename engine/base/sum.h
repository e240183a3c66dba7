// SPDX-License-Identifier: MIT
//
// XXH3 with 64 bits (Yann Collet's xxHash): shows whether bytes have changed, about as
// fast as memory is read. Files store these sums, and `xxhsum -H3` prints the same
// ones. Against a deliberate change it protects as little as hash.h.

#ifndef BASE_SUM_H
#define BASE_SUM_H

#include "base/base.h"

uint64_t sum_bytes(const void *data, size_t size);

// The same over pieces: a sum begins empty, and again after sum_end.
struct sum;
struct sum *sum_create(void);         // NULL after a message
void sum_destroy(struct sum *sum);    // NULL is fine
void sum_add(struct sum *sum, const void *data, size_t size);
void sum_add_text(struct sum *sum, const char *text);    // with the 0 at its end
uint64_t sum_end(struct sum *sum);

#endif
