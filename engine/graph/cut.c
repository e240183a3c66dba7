// SPDX-License-Identifier: MIT
//
// Estimates and boxes. See cut.h.

#include "graph/cut.h"

#include "base/mem.h"

double cut_estimate(const struct call *call, bool is_cpu)
{
    // Per second, of the slowest devices that are likely to be used: a guess that is
    // too low costs a few submissions, one that is too high may cost the device.
    double flops = is_cpu ? 1e9 : 20e9;
    double bytes = is_cpu ? 1e9 : 5e9;
    double launch = is_cpu ? 50e-6 : 10e-6;
    return (double)call->flops / flops + (double)call_bytes(call) / bytes + launch;
}

// Capped, because the cast of a number beyond 32 bits is undefined. No axis of a grid
// has more workgroups than that.
uint32_t cut_parts(double seconds, double budget)
{
    double parts = seconds / budget;
    return parts <= 1.0 ? 1 : parts >= 65535.0 ? 65535 : (uint32_t)parts + 1;
}

bool cut_append(struct pieces *list, const struct piece *box, uint32_t parts)
{
    uint32_t cuts[3] = { 1, 1, 1 };
    // The last axis first, whose boxes are whole planes of workgroups.
    uint32_t left = parts;
    for (int axis = 2; axis >= 0; axis--) {
        cuts[axis] = MIN(left, box->count[axis]);
        left = DIV_UP(left, cuts[axis]);
    }
    size_t total = (size_t)cuts[0] * cuts[1] * cuts[2];
    if (!mem_grow(&list->items, &list->capacity, list->count + total,
                  sizeof(list->items[0])))
        return false;
    for (size_t i = 0; i < total; i++) {
        const uint32_t at[3] = { (uint32_t)(i % cuts[0]),
                                 (uint32_t)(i / cuts[0] % cuts[1]),
                                 (uint32_t)(i / cuts[0] / cuts[1]) };
        struct piece *p = &list->items[list->count++];
        *p = (struct piece){ .call = box->call, .is_first = box->is_first && i == 0 };
        // n * at / cuts in 64 bits: boxes differ by one workgroup on an axis at most,
        // and the end of one is the beginning of the next, so together they are the
        // whole.
        for (int axis = 0; axis < 3; axis++) {
            uint64_t n = box->count[axis];
            uint32_t from = (uint32_t)(n * at[axis] / cuts[axis]);
            p->base[axis] = box->base[axis] + from;
            p->count[axis] = (uint32_t)(n * (at[axis] + 1) / cuts[axis]) - from;
        }
    }
    return true;
}

struct piece cut_whole(size_t index, const struct call *call)
{
    return (struct piece){
        .call = index,
        .is_first = true,
        .count = { call->grid.x, call->grid.y, call->grid.z },
    };
}

bool cut_append_call(struct pieces *list, size_t index, const struct call *call,
                     uint32_t parts)
{
    const struct piece whole = cut_whole(index, call);
    return cut_append(list, &whole, parts);
}

// By workgroups, as if all took the same time. Those at the edges of a grid have less
// to do, which a budget need not know.
double cut_share(const struct piece *p, const struct call *call)
{
    return (double)p->count[0] * p->count[1] * p->count[2] /
           ((double)call->grid.x * call->grid.y * call->grid.z);
}
