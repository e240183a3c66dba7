// SPDX-License-Identifier: MIT
//
// PCG32 with the XSH-RR output function, and the distributions made from it.

#include "base/random.h"

#include <assert.h>
#include <math.h>

#define MULTIPLIER UINT64_C(6364136223846793005)

// As pcg32_srandom_r of the reference implementation. An odd increment gives each of
// the 2^63 sequences the full period of 2^64.
void random_init(struct random *r, uint64_t seed, uint64_t sequence)
{
    r->state = 0;
    r->increment = sequence << 1 | 1;
    random_u32(r);
    r->state += seed;
    random_u32(r);
}

uint32_t random_u32(struct random *r)
{
    uint64_t s = r->state;
    r->state = s * MULTIPLIER + r->increment;

    uint32_t folded = (uint32_t)((s >> 18 ^ s) >> 27);
    uint32_t turn = (uint32_t)(s >> 59);
    // Without the mask a turn of 0 would shift by 32, which C leaves undefined.
    return folded >> turn | folded << ((32 - turn) & 31);
}

// Brown 1994, "Random Number Generation with Arbitrary Strides": the state after 2 n
// draws is again a product and a sum, whose two numbers are made from those for n.
void random_skip(struct random *r, uint64_t count)
{
    uint64_t factor = MULTIPLIER, addend = r->increment;
    uint64_t all_factors = 1, all_addends = 0;
    for (; count > 0; count >>= 1) {
        if (count & 1) {
            all_factors *= factor;
            all_addends = all_addends * factor + addend;
        }
        addend *= factor + 1;
        factor *= factor;
    }
    r->state = r->state * all_factors + all_addends;
}

uint32_t random_below(struct random *r, uint32_t bound)
{
    assert(bound > 0);
    // The 2^32 mod `bound` smallest numbers are rejected: the rest is a multiple of
    // `bound`, so each remainder is equally likely. Fewer than half of all numbers are
    // rejected, so on average there are fewer than two draws.
    uint32_t reject = (0u - bound) % bound;
    uint32_t x;
    do {
        x = random_u32(r);
    } while (x < reject);
    return x % bound;
}

double random_uniform(struct random *r)
{
    uint64_t high = random_u32(r) >> 5;
    uint64_t low = random_u32(r) >> 6;
    return (double)(high << 26 | low) / 9007199254740992.0;    // 53 bits over 2^53
}

// Box-Muller. Its second number is not used: it would have to be kept outside the
// state. 1 - uniform lies in (0, 1], where the logarithm is finite.
double random_normal(struct random *r)
{
    // Two statements: C does not order the operands of a product, and the order of the
    // draws must not depend on the compiler.
    double radius = sqrt(-2.0 * log(1.0 - random_uniform(r)));
    double angle = 6.283185307179586 * random_uniform(r);
    return radius * cos(angle);
}

// Fisher-Yates, from the end.
void random_shuffle(struct random *r, uint32_t *items, uint32_t count)
{
    for (uint32_t i = count; i > 1; i--) {
        uint32_t j = random_below(r, i);
        uint32_t item = items[i - 1];
        items[i - 1] = items[j];
        items[j] = item;
    }
}
