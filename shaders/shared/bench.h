// SPDX-License-Identifier: MIT
//
// Kernels that measure the most that a device can do. No op uses them.
//
//     bench_fma, bench_fma_f16: count times y = a y + b in every chain of an invocation
//     bench_matrix: count times y = a b + y, in each of the BENCH_MATRICES sums of a
//         subgroup, with a matrix a that changes its sign
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

#define BENCH_MATRICES 8    // likewise of a subgroup

// Constants of bench_matrix.
#define BENCH_SPEC_M 1
#define BENCH_SPEC_N 2
#define BENCH_SPEC_K 3

struct bench_params {
    uint count;     // fma: turns of the loop, copy: of what is copied at a time
    uint stride;    // invocations of the grid
    float a, b;
    float never;
};

#endif
