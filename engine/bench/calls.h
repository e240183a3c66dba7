// SPDX-License-Identifier: MIT
//
// The distinct calls of steps, each measured by itself, on the memory of its step.

#ifndef BENCH_CALLS_H
#define BENCH_CALLS_H

#include "bench/book.h"
#include "bench/subject.h"

#define CALLS_MOST_STEPS 3    // precisions

// A step whose calls are measured.
struct calls_of {
    struct subject *subject;
    bool runs;                   // false: they are only counted
    struct pix_bench_row row;    // what the rows of its calls have in common
};

// Adds a row for each kind of call of each step. Calls of the same group and name are
// measured in turns. With the simple kernels only convolutions are of interest:
// everything else is the same kernel as before. False after a message, or when the
// caller wants to stop. The weights are worth nothing afterwards.
bool calls_measure(struct book *b, const struct calls_of *steps, size_t count);

// What all calls of a step do together, with so many barriers.
struct bench_work calls_sum(const struct graph *g, uint32_t barriers);

#endif
