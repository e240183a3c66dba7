// SPDX-License-Identifier: MIT
//
// Where barriers must stand between the calls of a planned graph: one exactly where a
// call reads or writes bytes written since the last one, or writes bytes read since.
// Bytes, not tensors: the arena lets tensors share them.

#ifndef GRAPH_BARRIERS_H
#define GRAPH_BARRIERS_H

#include "graph/graph.h"

// before[i]: one stands before call i; [graph_call_count]. False if there is no memory.
bool barriers_find(const struct graph *g, bool *before);
uint32_t barriers_count(const struct graph *g);

#endif
