// SPDX-License-Identifier: MIT
//
// The time of single calls, for benchmarks. See exec.h.

#include "graph/exec_inside.h"

#include "base/mem.h"
#include "base/os.h"
#include "gpu/device.h"

// An input is never a slice nor the parent of one, so roots need not be looked at.
static bool reads_input(const struct call *call)
{
    for (size_t i = 0; i < CALL_MAX_BUFFERS && call->use[i].tensor; i++)
        if (call->use[i].tensor->is_input)
            return true;
    return false;
}

// Adds the times of one piece, `repeats` times over.
static bool time_piece(struct exec *x, const struct piece *p, uint32_t repeats,
                       struct exec_time *out)
{
    const struct exec_entry *entry = &x->entries[p->call];
    const struct call *call = graph_call(x->graph, p->call);
    const struct gpu_binding step = { x->step, 0, sizeof(struct step_block) };
    bool ok = false;
    struct gpu_stream *stream = gpu_stream_create(x->device, repeats, 2);
    if (!stream || !gpu_stream_begin(stream))
        goto done;
    // Other tensors lie where the inputs were.
    if (reads_input(call))
        record_uploads(x, 0, stream);
    gpu_stream_barrier(stream);
    gpu_stream_timestamp(stream, 0);
    for (uint32_t i = 0; i < repeats; i++) {
        if (!gpu_stream_dispatch(stream, entry->kernel, entry->bindings,
                                 call->uses_step ? &step : NULL, call->params, p->base,
                                 p->count))
            goto done;
        gpu_stream_barrier(stream);
    }
    gpu_stream_timestamp(stream, 1);
    if (!gpu_stream_end(stream))
        goto done;
    double start = os_seconds(), stamped;
    if (!gpu_stream_submit(stream) || !gpu_stream_wait(stream))
        goto done;
    out->wall += os_seconds() - start;
    out->submissions++;
    if (out->stamped >= 0 && gpu_stream_seconds(stream, 0, 1, &stamped))
        out->stamped += stamped;
    else
        out->stamped = -1;
    ok = true;

done:
    gpu_stream_destroy(stream);
    return ok;
}

bool exec_time_call(struct exec *x, size_t call, uint32_t repeats,
                    struct exec_time *out)
{
    struct pieces list = { 0 };
    // exec_run has measured it. A call that has to be cut is long enough to be timed
    // once.
    uint32_t parts = cut_parts(x->seconds[call], x->budget);
    bool ok = cut_append_call(&list, call, graph_call(x->graph, call), parts);
    *out = (struct exec_time){ .repeats = list.count == 1 ? repeats : 1 };
    for (size_t i = 0; ok && i < list.count; i++)
        ok = time_piece(x, &list.items[i], out->repeats, out);
    mem_free(list.items);
    return ok;
}
