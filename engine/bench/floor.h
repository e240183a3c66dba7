// SPDX-License-Identifier: MIT
//
// The least time that some work can take: at the rates that were measured beside it,
// all at once. What a row of the benchmark is compared with.

#ifndef BENCH_FLOOR_H
#define BENCH_FLOOR_H

#include "base/base.h"
#include "pix2pix.h"

// Rates of arithmetic, by what is multiplied. All sums are in f32.
enum arithmetic {
    ARITHMETIC_F32,
    ARITHMETIC_F16,     // products of f16 numbers
    ARITHMETIC_BF16,    // products of bf16 numbers
    ARITHMETIC_COUNT
};

// What a device can do at most, at one time.
struct rates {
    double flops[ARITHMETIC_COUNT];    // a second
    double bytes;                      // a second, read plus written
    // Seconds of an empty dispatch: with a barrier after it, and among others without.
    double launch, overlapped;
};

struct bench_work {
    uint64_t flops[ARITHMETIC_COUNT];
    uint64_t bytes;
    uint32_t launches;
    uint32_t barriers;    // between them and after them
};

// Seconds, one by one.
struct floor {
    double flops, bytes, launches;
};

// The faster of both in everything: what slows a device down is not its ceiling.
struct rates rates_faster(const struct rates *a, const struct rates *b);

// Whether the rates that `bound` depends on differ by more than 15 %, so that another
// program was running or the device throttled.
bool rates_moved(const struct rates *a, const struct rates *b,
                 enum pix_bench_bound bound);

// Zeros where a rate that is needed is not known.
struct floor floor_find(const struct rates *rates, const struct bench_work *work);

// The longest of the three, which is the floor, and which one it is.
double floor_longest(const struct floor *f, enum pix_bench_bound *bound);

#endif
