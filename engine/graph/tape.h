// SPDX-License-Identifier: MIT
//
// The inside of a graph, for graph.c and gradient.c.

#ifndef GRAPH_TAPE_H
#define GRAPH_TAPE_H

#include "ops/emitter.h"

struct graph {
    struct emitter emitter;
    struct op_node **nodes;    // in creation order: a topological order
    size_t node_count, node_capacity;
    char **labels;
    size_t label_count, label_capacity;
    uint32_t dropouts;           // nodes so far; each has its own mask
    uint32_t interpolations;     // likewise
    uint32_t first_sample;       // of what is built, in the whole batch
    enum tensor_format store;    // of activations that are built
};

// A text that lives as long as the graph.
const char *graph_label(struct graph *g, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
