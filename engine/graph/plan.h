// SPDX-License-Identifier: MIT
//
// The memory of a graph's temporaries: first and last use of every tensor over the
// calls, then offsets in an arena of blocks, largest tensor first, first fit. Tensors
// whose lives do not overlap share memory.

#ifndef GRAPH_PLAN_H
#define GRAPH_PLAN_H

#include "graph/graph.h"

struct gpu_device;

struct plan_limits {
    uint64_t max_block;      // largest buffer and allocation, bytes
    uint64_t max_binding;    // largest range a kernel can see, bytes
    const char *hint;        // to whom a tensor is too large: what to do; NULL: nothing
};

struct plan {
    struct block **blocks;
    size_t block_count, block_capacity;
    uint64_t arena_bytes;    // sum of the blocks
    uint64_t arena_bytes_without_reuse;
    uint32_t dispatches;
    uint64_t flops;
    uint64_t bytes;    // moved, see pix_plan.bytes_per_step
};

// What an open device allows.
struct op_limits plan_op_limits(const struct gpu_device *device);
struct plan_limits plan_device_limits(const struct gpu_device *device);    // no hint

// An input lives from the start of the step, a kept tensor to its end. Returns NULL
// after a message if the graph failed or a tensor does not fit the limits (the message
// names the sizes).
struct plan *plan_build(struct graph *g, const struct plan_limits *limits);
bool plan_allocate(struct plan *plan, struct gpu_device *device);
void plan_destroy(struct plan *plan);    // NULL is fine; frees device memory too

#endif
