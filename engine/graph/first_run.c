// SPDX-License-Identifier: MIT
//
// The first step: cut by estimates that each submission corrects. If it took several
// submissions the second step is measured too, since much of the first may have been
// what drivers do for the first use of a kernel: some compile it then. See
// exec_inside.h.

#include "graph/exec_inside.h"

#include "base/mem.h"
#include "base/os.h"
#include "gpu/device.h"

#include <string.h>

// Adds what each piece took to x->seconds, of a stream that took `wall` seconds in all.
// Timestamps give the shares, the clock the sum: some drivers stamp a dispatch before
// it is done. Where they account for less than half, estimates give the shares.
static void share_seconds(struct exec *x, struct gpu_stream *stream,
                          const struct pieces *list, double wall)
{
    bool is_cpu = gpu_device_limits(x->device)->is_cpu, stamped = true;
    double sum = 0, expected = 0, part;
    for (size_t i = 0; i < list->count; i++) {
        const struct piece *p = &list->items[i];
        const struct call *call = graph_call(x->graph, p->call);
        expected += cut_estimate(call, is_cpu) * cut_share(p, call);
        stamped &= gpu_stream_seconds(stream, (uint32_t)i, (uint32_t)i + 1, &part);
        sum += stamped ? part : 0;
    }
    stamped &= sum > 0.5 * wall;
    for (size_t i = 0; i < list->count; i++) {
        const struct piece *p = &list->items[i];
        const struct call *call = graph_call(x->graph, p->call);
        if (stamped && gpu_stream_seconds(stream, (uint32_t)i, (uint32_t)i + 1, &part))
            x->seconds[p->call] += wall * part / sum;
        else
            x->seconds[p->call] +=
                wall * cut_estimate(call, is_cpu) * cut_share(p, call) / expected;
    }
}

// Records, submits, waits and measures. Returns the wall time or a negative number.
static double run_pieces(struct exec *x, uint32_t slot, const struct pieces *list,
                         bool is_first, bool is_last)
{
    double wall = -1;
    struct gpu_stream *stream =
        record_pieces(x, slot, list->items, list->count, is_first, is_last, true);
    if (!stream)
        return -1;
    double start = os_seconds();
    if (gpu_stream_submit(stream) && gpu_stream_wait(stream))
        wall = os_seconds() - start;
    if (wall >= 0 && list->count)
        share_seconds(x, stream, list, wall);
    gpu_stream_destroy(stream);
    return wall;
}

// What is known of the device while a measured step runs.
struct first_run {
    uint32_t slot;
    struct pieces pending;
    double estimated;    // seconds of the pending pieces, before the factor
    double factor;       // measured time over estimated time so far
    bool is_first;       // nothing was submitted yet
};

// The factor before anything is measured: what looks like ten slow devices, since the
// first pieces are cheap ones and say little about the others.
#define FIRST_FACTOR 10.0

static bool submit_pending(struct exec *x, struct first_run *r, bool is_last)
{
    double wall = run_pieces(x, r->slot, &r->pending, r->is_first, is_last);
    if (wall < 0)
        return false;
    // Up at once, down slowly.
    if (r->estimated > 0)
        r->factor = MAX(wall / r->estimated, 0.5 * (r->factor + wall / r->estimated));
    x->submissions++;
    r->is_first = false;
    r->pending.count = 0;
    r->estimated = 0;
    return true;
}

// Adds a call to the pending pieces, submitting whenever they are enough. Each box is
// cut by what is known when its turn comes, so a call that turns out slow goes on in
// smaller ones.
static bool run_first_call(struct exec *x, struct first_run *r, size_t index)
{
    const struct call *call = graph_call(x->graph, index);
    double guess = x->guesses[index];
    struct pieces stack = { 0 };    // boxes to do, the next one on top
    const struct piece whole = cut_whole(index, call);
    bool ok = cut_append(&stack, &whole, 1);
    while (ok && stack.count) {
        const struct piece box = stack.items[--stack.count];
        double share = guess * cut_share(&box, call);
        uint32_t parts = cut_parts(share * r->factor, x->budget);
        uint64_t groups = (uint64_t)box.count[0] * box.count[1] * box.count[2];
        if (parts > 1 && groups > 1) {
            // At least two smaller ones, the first on top.
            size_t from = stack.count;
            ok = cut_append(&stack, &box, parts);
            for (size_t a = from, b = stack.count; ok && a + 1 < b; a++) {
                const struct piece swapped = stack.items[a];
                stack.items[a] = stack.items[--b];
                stack.items[b] = swapped;
            }
            continue;
        }
        if (r->pending.count && (r->estimated + share) * r->factor > x->budget)
            ok = submit_pending(x, r, false);
        ok = ok && mem_grow(&r->pending.items, &r->pending.capacity,
                            r->pending.count + 1, sizeof(r->pending.items[0]));
        if (ok)
            r->pending.items[r->pending.count++] = box;
        r->estimated += share;
    }
    mem_free(stack.items);
    return ok;
}

bool first_run_measure(struct exec *x, uint32_t slot)
{
    size_t calls = graph_call_count(x->graph);
    bool is_cpu = gpu_device_limits(x->device)->is_cpu, again = x->has_seconds;
    struct first_run r = {
        .slot = slot,
        .factor = again ? 1.0 : FIRST_FACTOR,
        .is_first = true,
    };
    bool ok = true;
    for (size_t c = 0; c < calls; c++)
        x->guesses[c] =
            again ? x->seconds[c] : cut_estimate(graph_call(x->graph, c), is_cpu);
    // Pieces add up their shares, so a call that was cut has the time of all.
    memset(x->seconds, 0, calls * sizeof(x->seconds[0]));
    x->submissions = 0;
    for (size_t c = 0; ok && c < calls; c++)
        ok = run_first_call(x, &r, c);
    ok = ok && submit_pending(x, &r, true);
    mem_free(r.pending.items);
    x->has_seconds = ok;
    // A step of one submission is not cut, so its times need not be good ones.
    x->measured = ok && (again || x->submissions == 1);
    return ok;
}
