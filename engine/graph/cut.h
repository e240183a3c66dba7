// SPDX-License-Identifier: MIT
//
// Cutting a step into pieces that a driver's watchdog lets pass: boxes of a call's
// grid, and how long a call may take before anything is measured. The dimension of a
// sum is inside a workgroup, so any cut gives the same bits.

#ifndef GRAPH_CUT_H
#define GRAPH_CUT_H

#include "graph/graph.h"

// One dispatch of a part of a call's grid.
struct piece {
    size_t call;
    bool is_first;    // of its call: the call's barrier comes before it
    uint32_t base[3], count[3];
};

struct pieces {
    struct piece *items;
    size_t count, capacity;
};

// Seconds of a call on what is a slow device of the kind.
double cut_estimate(const struct call *call, bool is_cpu);

// Number of parts of something that takes `seconds`, within a budget.
uint32_t cut_parts(double seconds, double budget);

struct piece cut_whole(size_t index, const struct call *call);

// The part of its call that a piece is, 0 to 1.
double cut_share(const struct piece *p, const struct call *call);

// Appends a whole call, number `index`, in about `parts` boxes.
bool cut_append_call(struct pieces *list, size_t index, const struct call *call,
                     uint32_t parts);

// Appends a box in about `parts` boxes, as far as it can be divided.
bool cut_append(struct pieces *list, const struct piece *box, uint32_t parts);

#endif
