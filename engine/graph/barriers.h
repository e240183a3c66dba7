// SPDX-License-Identifier: MIT
//
// Where barriers are needed between the calls of a planned graph: exactly where a call
// reads or writes bytes written since the last barrier, or writes bytes read since.
// Bytes, not tensors: tensors share those of the arena.

#ifndef GRAPH_BARRIERS_H
#define GRAPH_BARRIERS_H

#include "graph/graph.h"

// before[i]: one is needed before call i; [graph_call_count]. False if out of memory,
// after a message.
bool barriers_find(const struct graph *g, bool *before);
bool barriers_count(const struct graph *g, uint32_t *count);

#endif
