// SPDX-License-Identifier: MIT
//
// From calls to command buffers: copies, barriers, dispatches and breadcrumbs. See
// exec_inside.h.

#include "graph/exec_inside.h"

#include "base/log.h"
#include "base/mem.h"
#include "gpu/device.h"
#include "gpu/memory.h"

#include <stdio.h>
#include <string.h>

// Dispatches between two breadcrumbs, each of which costs a fill of its own.
#define MARK_INTERVAL 16

// ---------------------------------------------------------------------------
// Copies

void record_uploads(struct exec *x, uint32_t slot, struct gpu_stream *stream)
{
    // Whatever ran before, in other slots too, is done with the memory that this step
    // writes.
    gpu_stream_barrier(stream);
    for (size_t i = 0; i < x->upload_count; i++) {
        const struct tensor *t = x->uploads[i].tensor;
        if (!t->block)
            continue;    // nobody reads it
        gpu_stream_copy(stream, x->uploads[i].buffers[slot], 0, t->block->buffer,
                        t->offset, tensor_bytes(t));
    }
    if (x->step)
        gpu_stream_copy(stream, x->slots[slot].step_upload, 0, x->step, 0,
                        sizeof(struct step_block));
    // The first calls read what was copied.
    gpu_stream_barrier(stream);
}

// Single numbers, which lie behind the states of their weights: a kernel that gathers
// them could not see them all through its bindings, and these copies wait for nothing
// that the others do not wait for.
static void record_flags(const struct exec_transfer *transfer, uint32_t slot,
                         struct gpu_stream *stream)
{
    for (size_t i = 0; i < transfer->weights->count; i++) {
        const struct tensor *flag = &transfer->weights->items[i]->flag;
        gpu_stream_copy(stream, flag->block->buffer, flag->offset,
                        transfer->buffers[slot], i * sizeof(float), sizeof(float));
    }
}

static void record_downloads(struct exec *x, uint32_t slot, struct gpu_stream *stream)
{
    // The last calls have written what is copied.
    gpu_stream_barrier(stream);
    for (size_t i = 0; i < x->download_count; i++) {
        const struct tensor *t = x->downloads[i].tensor;
        if (!t) {
            record_flags(&x->downloads[i], slot, stream);
            continue;
        }
        const struct place p = tensor_place(t);
        // A slice along channels is not contiguous: one piece for each sample.
        uint64_t count = p.root == t ? 1 : t->shape.n;
        uint64_t bytes = tensor_bytes(t) / count;
        for (uint64_t n = 0; n < count; n++)
            gpu_stream_copy(stream, p.root->block->buffer,
                            p.root->offset + (p.first + n * p.stride) * 4,
                            x->downloads[i].buffers[slot], n * bytes, bytes);
    }
}

// ---------------------------------------------------------------------------
// Breadcrumbs

bool record_create_marks(struct exec *x, struct exec_slot *slot, size_t pieces)
{
    // Every piece may begin a stream of its own.
    gpu_buffer_destroy(slot->marks);
    slot->mark_count = 0;
    slot->marks =
        gpu_buffer_create(x->device, MAX(pieces, 1) * sizeof(uint32_t), GPU_READBACK);
    return slot->marks && mem_grow(&slot->mark_calls, &slot->mark_capacity,
                                   MAX(pieces, 1), sizeof(slot->mark_calls[0]));
}

void record_clear_marks(struct exec_slot *slot)
{
    // Submitting makes the host's writes visible to the device (specification, "Host
    // Write Ordering Guarantees"), so no barrier is needed.
    memset(gpu_buffer_map(slot->marks), 0, (size_t)gpu_buffer_size(slot->marks));
}

static void record_mark(struct exec_slot *slot, struct gpu_stream *stream, size_t call)
{
    if (!slot->marks ||
        (slot->mark_count + 1) * sizeof(uint32_t) > gpu_buffer_size(slot->marks))
        return;
    // No barrier of its own: a mark reports what the device reached, and must not keep
    // calls from overlapping that would overlap without it.
    slot->mark_calls[slot->mark_count] = call;
    gpu_stream_fill(stream, slot->marks, slot->mark_count * sizeof(uint32_t),
                    sizeof(uint32_t), 1);
    slot->mark_count++;
}

void record_read_marks(struct exec *x, const struct exec_slot *slot)
{
    size_t calls = graph_call_count(x->graph), passed = 0;
    const uint32_t *marks = slot->marks ? gpu_buffer_map(slot->marks) : NULL;
    // In the order of recording: the first mark that is not set is where the device
    // was, at most MARK_INTERVAL dispatches after the one before.
    while (marks && passed < slot->mark_count && marks[passed])
        passed++;
    size_t from = passed ? slot->mark_calls[passed - 1] : 0;
    size_t to = passed < slot->mark_count ? slot->mark_calls[passed] : calls;
    if (calls == 0)
        return;
    const struct call *call = graph_call(x->graph, from);
    int length =
        snprintf(x->last_kernel, sizeof(x->last_kernel), "%s (%s), call %zu of %zu",
                 shader_table[call->shader].name, call->label, from + 1, calls);
    if (to > from + 1 && length > 0 && (size_t)length < sizeof(x->last_kernel))
        snprintf(x->last_kernel + length, sizeof(x->last_kernel) - (size_t)length,
                 ", or one of the %zu after it", to - from - 1);
}

// ---------------------------------------------------------------------------
// Calls

struct gpu_stream *record_pieces(struct exec *x, uint32_t slot,
                                 const struct piece *pieces, size_t count,
                                 bool is_first, bool is_last, bool timed)
{
    struct gpu_stream *stream =
        gpu_stream_create(x->device, (uint32_t)count, timed ? (uint32_t)count + 1 : 0);
    if (!stream || !gpu_stream_begin(stream))
        goto fail;
    if (is_first)
        record_uploads(x, slot, stream);
    if (timed)
        gpu_stream_timestamp(stream, 0);
    struct gpu_binding step = { x->step, 0, sizeof(struct step_block) };
    for (size_t i = 0; i < count; i++) {
        const struct piece *p = &pieces[i];
        const struct exec_entry *entry = &x->entries[p->call];
        const struct call *call = graph_call(x->graph, p->call);
        // Pieces of one call write different elements, so there is none between them.
        if (p->is_first && x->barriers[p->call])
            gpu_stream_barrier(stream);
        // After the barrier: where there is one, the mark also says that all before it
        // is done.
        if (i % MARK_INTERVAL == 0)
            record_mark(&x->slots[slot], stream, p->call);
        if (!gpu_stream_dispatch(stream, entry->kernel, entry->bindings,
                                 call->uses_step ? &step : NULL, call->params, p->base,
                                 p->count))
            goto fail;
        if (timed)
            gpu_stream_timestamp(stream, (uint32_t)i + 1);
    }
    if (is_last)
        record_downloads(x, slot, stream);
    if (!gpu_stream_end(stream))
        goto fail;
    return stream;

fail:
    gpu_stream_destroy(stream);
    return NULL;
}

void record_drop(struct exec_slot *slot)
{
    for (size_t i = 0; i < slot->stream_count; i++)
        gpu_stream_destroy(slot->streams[i]);
    slot->stream_count = 0;
    slot->mark_count = 0;
}

bool record_step(struct exec *x, uint32_t index)
{
    struct exec_slot *slot = &x->slots[index];
    bool ok = false;
    // A driver that executes nothing measured nothing either: one submission then.
    bool executes = gpu_device_limits(x->device)->executes;
    struct pieces all = { 0 };
    size_t calls = graph_call_count(x->graph);
    record_drop(slot);
    for (size_t c = 0; c < calls; c++)
        if (!cut_append_call(&all, c, graph_call(x->graph, c),
                             executes ? cut_parts(x->seconds[c], x->budget) : 1))
            goto done;
    if (!record_create_marks(x, slot, all.count))
        goto done;
    size_t begin = 0;
    double pending = 0;
    for (size_t i = 0; i <= all.count; i++) {
        double share = 0;
        if (i < all.count && executes) {
            size_t c = all.items[i].call;
            share = x->seconds[c] * cut_share(&all.items[i], graph_call(x->graph, c));
        }
        bool is_end = i == all.count;
        // A piece that is longer than the budget is a submission by itself: it was cut
        // as far as its grid allows.
        if (is_end || (i > begin && pending + share > x->budget)) {
            struct gpu_stream *stream = record_pieces(
                x, index, all.items + begin, i - begin, begin == 0, is_end, false);
            if (!stream ||
                !mem_grow(&slot->streams, &slot->stream_capacity,
                          slot->stream_count + 1, sizeof(slot->streams[0]))) {
                gpu_stream_destroy(stream);
                goto done;
            }
            slot->streams[slot->stream_count++] = stream;
            begin = i;
            pending = 0;
        }
        pending += share;
    }
    x->submissions = (uint32_t)slot->stream_count;
    log_debug("exec: slot %u recorded, %u submissions for %zu calls", index,
              x->submissions, calls);
    ok = true;

done:
    if (!ok)
        record_drop(slot);
    mem_free(all.items);
    return ok;
}
