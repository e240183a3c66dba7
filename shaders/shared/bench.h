// SPDX-License-Identifier: MIT
//
// Kernels that measure the most that a device can do. No op uses them.
//
//     bench_fma, bench_fma_f16: count times y = a y + b in every chain of an invocation
//     bench_copy: y = x, 16 bytes at a time, or single numbers of 16 bits
//     bench_empty: nothing
//
// A result is stored only where it equals `never`. It never does, but a compiler cannot
// know that and so cannot drop the computation.

#ifndef SHARED_BENCH_H
#define SHARED_BENCH_H

#include "shared/base.h"

#define BENCH_CHAINS 16    // sums of an invocation that do not wait for each other
#define BENCH_UNROLL 4     // multiply-adds of each chain in one turn of the loop

struct bench_params {
    uint count;     // fma: turns of the loop, copy: of what is copied at a time
    uint stride;    // invocations of the grid
    float a, b;
    float never;
};

#endif
