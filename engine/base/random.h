// SPDX-License-Identifier: MIT
//
// PCG32 (O'Neill 2014, "PCG: A Family of Simple Fast Space-Efficient Statistically Good
// Algorithms for Random Number Generation"): the host's only source of randomness. The
// whole state is two numbers, so a stream for (seed, purpose) can be made anywhere
// without keeping one.

#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include "base/base.h"

struct random {
    uint64_t state;
    uint64_t increment;    // odd; picks the sequence
};

void random_init(struct random *r, uint64_t seed, uint64_t sequence);
uint32_t random_u32(struct random *r);
// As after `count` calls of random_u32, in at most 64 steps.
void random_skip(struct random *r, uint64_t count);
uint32_t random_below(struct random *r, uint32_t bound);    // [0, bound), unbiased
double random_uniform(struct random *r);                    // [0, 1)
double random_normal(struct random *r);                     // mean 0, deviation 1
#define RANDOM_NORMAL_DRAWS 4    // calls of random_u32 for each random_normal
void random_shuffle(struct random *r, uint32_t *items, uint32_t count);

#endif
