// SPDX-License-Identifier: MIT
//
// The calls of a graph as the benchmark reports them: by what they do for a layer, with
// names that are the same on every device, equal ones counted together.

#ifndef BENCH_KINDS_H
#define BENCH_KINDS_H

#include "bench/floor.h"
#include "graph/graph.h"

#define CALL_NAME_SIZE 192

// Calls of one kind: the same kernel with the same constants and grid, on shapes of the
// same text.
struct call_kind {
    size_t first;    // the call that is measured
    const char *group;
    char name[CALL_NAME_SIZE];
    uint64_t bytes;    // that one of them moves
    uint32_t count;
};

// The kinds in the order of their first calls; caller frees. NULL if out of memory.
struct call_kind *kinds_find(const struct graph *g, size_t *count);

// The groups in the order of tables, by number from 0; then NULL.
const char *kinds_group(size_t index);

// What a call multiplies.
enum arithmetic kinds_arithmetic(const struct call *call);

// Whether calls of a group are convolutions in one of their directions.
bool kinds_is_product(const char *group);

// The kernel and, of a convolution, the variant that was chosen for its shape and what
// it does on the way: "conv_forward_tiled shared_64x64, leaky".
void kinds_kernel_name(const struct op_limits *limits, const struct call *call,
                       const char *group, char name[CALL_NAME_SIZE]);

#endif
