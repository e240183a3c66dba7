// SPDX-License-Identifier: MIT
//
// From calls to submissions: recording, running, measuring. See exec.h.

#include "graph/exec.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "gpu/device.h"
#include "gpu/stream.h"
#include "graph/barriers.h"
#include "graph/cut.h"
#include "ops/emitter.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

// Aimed length of a submission where the caller does not say: a tenth of the 2 s after
// which recent kernels reset an AMD compute queue.
#define SUBMISSION_SECONDS 0.2

// Dispatches between two marks in the breadcrumb buffer.
#define MARK_INTERVAL 16

struct entry {
    struct gpu_kernel *kernel;
    struct gpu_binding bindings[CALL_MAX_BUFFERS];
};

struct transfer {
    struct tensor *tensor;
    struct gpu_buffer *buffers[EXEC_MAX_SLOTS];
};

// What a run in flight must have for itself.
struct slot {
    struct gpu_buffer *step_upload;    // NULL if no call uses the step block
    struct gpu_stream **streams;       // recorded; empty until they are needed
    size_t stream_count, stream_capacity;
    struct gpu_buffer *marks;    // breadcrumbs: word i is set when mark i is passed
    size_t *mark_calls;
    size_t mark_count, mark_capacity;
    bool in_flight;    // submitted, and not waited for
    bool is_done;      // in flight, but nothing is left to wait for
    double started;    // time of the submission
};

struct exec {
    struct gpu_device *device;
    const struct graph *graph;
    double budget;
    struct entry *entries;
    bool *barriers;     // one stands before the call
    double *seconds;    // measured, of each call
    double *guesses;    // of the same, before it is measured
    bool has_seconds, measured;
    struct transfer *uploads, *downloads;
    size_t upload_count, upload_capacity, download_count, download_capacity;
    struct gpu_buffer *step;    // NULL if no call uses the step block
    struct slot slots[EXEC_MAX_SLOTS];
    uint32_t slot_count;
    char last_kernel[256];
    bool keeps_last;    // it is of a submission that failed while another was under way
    double run_seconds;
    uint32_t submissions;
};

static bool append_call(struct pieces *list, size_t index, const struct call *call,
                        uint32_t parts)
{
    const struct piece whole = cut_whole(index, call);
    return cut_append(list, &whole, parts);
}

static double budget_or_default(double submission_seconds)
{
    return submission_seconds > 0 ? submission_seconds : SUBMISSION_SECONDS;
}

uint32_t exec_estimate_submissions(const struct graph *g, bool is_cpu,
                                   double submission_seconds)
{
    double budget = budget_or_default(submission_seconds), pending = 0;
    uint32_t submissions = 1;
    for (size_t i = 0; i < graph_call_count(g); i++) {
        double seconds = cut_estimate(graph_call(g, i), is_cpu);
        uint32_t parts = cut_parts(seconds, budget);
        for (uint32_t k = 0; k < parts; k++) {
            if (pending > 0 && pending + seconds / parts > budget) {
                submissions++;
                pending = 0;
            }
            pending += seconds / parts;
        }
    }
    return submissions;
}

// ---------------------------------------------------------------------------
// Life

static bool prepare_entry(struct exec *x, const struct call *call, struct entry *entry,
                          struct gpu_kernel_key *key)
{
    *key = (struct gpu_kernel_key){
        .shader = call->shader,
        .spec_count = call->spec_count,
        .subgroup = call->subgroup,
        .uses_step = call->uses_step,
        .params_size = call->params_size,
    };
    memcpy(key->spec, call->spec, sizeof(key->spec));
    for (; key->buffers < CALL_MAX_BUFFERS && call->use[key->buffers].tensor;
         key->buffers++) {
        const struct bound b = tensor_bound(call->use[key->buffers].tensor);
        const enum fetch fetch = call->use[key->buffers].fetch;
        assert(b.root->block && b.root->block->buffer);
        entry->bindings[key->buffers] = (struct gpu_binding){
            .buffer = b.root->block->buffer,
            .offset = b.root->offset + b.begin,
            .size = b.end - b.begin,
            .texel = fetch == FETCH_FOURS    ? 16
                     : fetch == FETCH_FLOATS ? 4
                                             : 0,
        };
        if (fetch != FETCH_NONE)
            key->fetched |= 1u << key->buffers;
    }
    if (call->uses_step && !x->step) {
        x->step = gpu_buffer_create(x->device, sizeof(struct step_block), GPU_DEVICE);
        if (!x->step)
            return false;
        for (uint32_t i = 0; i < x->slot_count; i++) {
            x->slots[i].step_upload =
                gpu_buffer_create(x->device, sizeof(struct step_block), GPU_UPLOAD);
            if (!x->slots[i].step_upload)
                return false;
        }
    }
    return true;
}

// Bindings of all calls, then their kernels at once.
static bool prepare_entries(struct exec *x)
{
    size_t calls = graph_call_count(x->graph);
    struct gpu_kernel_key *keys = mem_array(MAX(calls, 1), sizeof(keys[0]));
    struct gpu_kernel **kernels = mem_array(MAX(calls, 1), sizeof(kernels[0]));
    bool ok = keys && kernels;
    for (size_t i = 0; ok && i < calls; i++)
        ok = prepare_entry(x, graph_call(x->graph, i), &x->entries[i], &keys[i]);
    ok = ok && gpu_kernel_get_all(x->device, keys, calls, kernels);
    for (size_t i = 0; ok && i < calls; i++)
        x->entries[i].kernel = kernels[i];
    mem_free(kernels);
    mem_free(keys);
    return ok;
}

struct exec *exec_create_ring(struct gpu_device *device, const struct graph *g,
                              double submission_seconds, uint32_t slots)
{
    assert(slots > 0 && slots <= EXEC_MAX_SLOTS);
    size_t calls = graph_call_count(g);
    struct exec *x = mem_zalloc(sizeof(*x));
    if (!x)
        return NULL;
    x->device = device;
    x->graph = g;
    x->slot_count = slots;
    x->budget = budget_or_default(submission_seconds);
    x->entries = mem_array(MAX(calls, 1), sizeof(x->entries[0]));
    x->barriers = mem_array(MAX(calls, 1), sizeof(x->barriers[0]));
    x->seconds = mem_array(MAX(calls, 1), sizeof(x->seconds[0]));
    x->guesses = mem_array(MAX(calls, 1), sizeof(x->guesses[0]));
    if (!x->entries || !x->barriers || !x->seconds || !x->guesses ||
        !barriers_find(g, x->barriers) || !prepare_entries(x))
        goto fail;
    return x;

fail:
    exec_destroy(x);
    return NULL;
}

struct exec *exec_create(struct gpu_device *device, const struct graph *g,
                         double submission_seconds)
{
    return exec_create_ring(device, g, submission_seconds, 1);
}

// A stream that is in flight is waited for.
static void drop_streams(struct slot *slot)
{
    for (size_t i = 0; i < slot->stream_count; i++)
        gpu_stream_destroy(slot->streams[i]);
    slot->stream_count = 0;
    slot->mark_count = 0;
}

void exec_destroy(struct exec *x)
{
    if (!x)
        return;
    // All of them before what they may still use.
    for (uint32_t i = 0; i < x->slot_count; i++)
        drop_streams(&x->slots[i]);
    for (uint32_t i = 0; i < x->slot_count; i++) {
        struct slot *slot = &x->slots[i];
        for (size_t k = 0; k < x->upload_count; k++)
            gpu_buffer_destroy(x->uploads[k].buffers[i]);
        for (size_t k = 0; k < x->download_count; k++)
            gpu_buffer_destroy(x->downloads[k].buffers[i]);
        gpu_buffer_destroy(slot->step_upload);
        gpu_buffer_destroy(slot->marks);
        mem_free(slot->mark_calls);
        mem_free(slot->streams);
    }
    gpu_buffer_destroy(x->step);
    mem_free(x->uploads);
    mem_free(x->downloads);
    mem_free(x->entries);
    mem_free(x->barriers);
    mem_free(x->seconds);
    mem_free(x->guesses);
    mem_free(x);
}

// ---------------------------------------------------------------------------
// Copies

static void *add_transfer(struct exec *x, struct transfer **list, size_t *count,
                          size_t *capacity, struct tensor *t, enum gpu_use use)
{
    struct tensor *at = emitter_resolve(t);
    struct transfer transfer = { .tensor = at };
    if (!mem_grow(list, capacity, *count + 1, sizeof((*list)[0])))
        return NULL;
    for (uint32_t i = 0; i < x->slot_count; i++) {
        assert(!x->slots[i].in_flight);
        drop_streams(&x->slots[i]);
        transfer.buffers[i] = gpu_buffer_create(x->device, tensor_bytes(at), use);
        if (!transfer.buffers[i])
            goto fail;
        memset(gpu_buffer_map(transfer.buffers[i]), 0, (size_t)tensor_bytes(at));
    }
    (*list)[(*count)++] = transfer;
    return gpu_buffer_map(transfer.buffers[0]);

fail:
    for (uint32_t i = 0; i < x->slot_count; i++)
        gpu_buffer_destroy(transfer.buffers[i]);
    return NULL;
}

void *exec_upload(struct exec *x, struct tensor *t)
{
    assert(t->is_input);
    return add_transfer(x, &x->uploads, &x->upload_count, &x->upload_capacity, t,
                        GPU_UPLOAD);
}

const void *exec_download(struct exec *x, struct tensor *t)
{
    assert(tensor_place(emitter_resolve(t)).root->kept);
    return add_transfer(x, &x->downloads, &x->download_count, &x->download_capacity, t,
                        GPU_READBACK);
}

static void *find_memory(const struct transfer *list, size_t count, uint32_t slot,
                         const void *memory)
{
    for (size_t i = 0; i < count; i++) {
        uintptr_t begin = (uintptr_t)gpu_buffer_map(list[i].buffers[0]);
        uintptr_t at = (uintptr_t)memory;
        if (at >= begin && at - begin < gpu_buffer_size(list[i].buffers[0]))
            return (uint8_t *)gpu_buffer_map(list[i].buffers[slot]) + (at - begin);
    }
    return NULL;
}

void *exec_slot_memory(const struct exec *x, uint32_t slot, const void *memory)
{
    assert(slot < x->slot_count);
    void *found = find_memory(x->uploads, x->upload_count, slot, memory);
    return found ? found : find_memory(x->downloads, x->download_count, slot, memory);
}

static void record_uploads(struct exec *x, uint32_t slot, struct gpu_stream *stream)
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
    gpu_stream_barrier(stream);
}

static void record_downloads(struct exec *x, uint32_t slot, struct gpu_stream *stream)
{
    gpu_stream_barrier(stream);
    for (size_t i = 0; i < x->download_count; i++) {
        const struct tensor *t = x->downloads[i].tensor;
        const struct place p = tensor_place(t);
        // A slice lies in pieces, one a sample.
        uint64_t count = p.root == t ? 1 : t->shape.n;
        uint64_t bytes = tensor_bytes(t) / count;
        for (uint64_t n = 0; n < count; n++)
            gpu_stream_copy(stream, p.root->block->buffer,
                            p.root->offset + (p.first + n * p.stride) * 4,
                            x->downloads[i].buffers[slot], n * bytes, bytes);
    }
}

// ---------------------------------------------------------------------------
// Recording

static bool create_marks(struct exec *x, struct slot *slot, size_t pieces)
{
    // Every piece may begin a stream of its own.
    gpu_buffer_destroy(slot->marks);
    slot->mark_count = 0;
    slot->marks =
        gpu_buffer_create(x->device, MAX(pieces, 1) * sizeof(uint32_t), GPU_READBACK);
    return slot->marks && mem_grow(&slot->mark_calls, &slot->mark_capacity,
                                   MAX(pieces, 1), sizeof(slot->mark_calls[0]));
}

static void clear_marks(struct slot *slot)
{
    memset(gpu_buffer_map(slot->marks), 0, (size_t)gpu_buffer_size(slot->marks));
}

static void record_mark(struct slot *slot, struct gpu_stream *stream, size_t call)
{
    if (!slot->marks ||
        (slot->mark_count + 1) * sizeof(uint32_t) > gpu_buffer_size(slot->marks))
        return;
    slot->mark_calls[slot->mark_count] = call;
    gpu_stream_fill(stream, slot->marks, slot->mark_count * sizeof(uint32_t),
                    sizeof(uint32_t), 1);
    slot->mark_count++;
}

// Records pieces into a new stream with a timestamp around each if `timed`.
static struct gpu_stream *record(struct exec *x, uint32_t slot,
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
        const struct entry *entry = &x->entries[p->call];
        const struct call *call = graph_call(x->graph, p->call);
        if (p->is_first && x->barriers[p->call])
            gpu_stream_barrier(stream);
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

// Records, submits, waits, and adds what each piece took to seconds[call]. Returns the
// wall time or a negative number.
static double run_once(struct exec *x, uint32_t slot, const struct pieces *list,
                       bool is_first, bool is_last, double *seconds)
{
    double wall = -1;
    struct gpu_stream *stream =
        record(x, slot, list->items, list->count, is_first, is_last, true);
    if (!stream)
        return -1;
    double start = os_seconds();
    if (gpu_stream_submit(stream) && gpu_stream_wait(stream))
        wall = os_seconds() - start;
    if (wall >= 0 && list->count) {
        // Timestamps give the shares, the clock the sum: some drivers stamp early.
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
            if (stamped &&
                gpu_stream_seconds(stream, (uint32_t)i, (uint32_t)i + 1, &part))
                seconds[p->call] += wall * part / sum;
            else
                seconds[p->call] +=
                    wall * cut_estimate(call, is_cpu) * cut_share(p, call) / expected;
        }
    }
    gpu_stream_destroy(stream);
    return wall;
}

// ---------------------------------------------------------------------------
// The first step: cut by estimates that each submission corrects. If it took several
// submissions the second one is measured too, since much of the first may have been
// what drivers do for the first use of a kernel: some compile it then.

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
    double wall = run_once(x, r->slot, &r->pending, r->is_first, is_last, x->seconds);
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

static bool run_first(struct exec *x, uint32_t slot)
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
    memset(x->seconds, 0, calls * sizeof(x->seconds[0]));
    x->submissions = 0;
    for (size_t c = 0; ok && c < calls; c++)
        ok = run_first_call(x, &r, c);
    ok = ok && submit_pending(x, &r, true);
    mem_free(r.pending.items);
    x->has_seconds = ok;
    x->measured = ok && (again || x->submissions == 1);
    return ok;
}

// ---------------------------------------------------------------------------
// Later steps: recorded once

static bool record_all(struct exec *x, uint32_t index)
{
    struct slot *slot = &x->slots[index];
    bool ok = false;
    bool executes = gpu_device_limits(x->device)->executes;
    struct pieces all = { 0 };
    size_t calls = graph_call_count(x->graph);
    drop_streams(slot);
    for (size_t c = 0; c < calls; c++)
        if (!append_call(&all, c, graph_call(x->graph, c),
                         executes ? cut_parts(x->seconds[c], x->budget) : 1))
            goto done;
    if (!create_marks(x, slot, all.count))
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
        if (is_end || (i > begin && pending + share > x->budget)) {
            struct gpu_stream *stream = record(x, index, all.items + begin, i - begin,
                                               begin == 0, is_end, false);
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
        drop_streams(slot);
    mem_free(all.items);
    return ok;
}

// Nothing stays in flight after a failure.
static bool submit_recorded(struct slot *slot)
{
    clear_marks(slot);
    size_t submitted = 0;
    while (submitted < slot->stream_count &&
           gpu_stream_submit(slot->streams[submitted]))
        submitted++;
    if (submitted == slot->stream_count)
        return true;
    for (size_t i = 0; i < submitted; i++)
        gpu_stream_wait(slot->streams[i]);
    return false;
}

// What the breadcrumbs say of a run that ended.
static void read_marks(struct exec *x, const struct slot *slot)
{
    size_t calls = graph_call_count(x->graph), passed = 0;
    const uint32_t *marks = slot->marks ? gpu_buffer_map(slot->marks) : NULL;
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

static bool any_in_flight(const struct exec *x)
{
    for (uint32_t i = 0; i < x->slot_count; i++)
        if (x->slots[i].in_flight)
            return true;
    return false;
}

static void report_failure(struct exec *x, const struct slot *slot)
{
    read_marks(x, slot);
    if (gpu_device_is_lost(x->device))
        log_error("exec: the device was lost; it had reached kernel %s",
                  x->last_kernel);
}

static void write_step(struct slot *slot, const struct step_block *step)
{
    const struct step_block none = { 0 };
    if (slot->step_upload)
        memcpy(gpu_buffer_map(slot->step_upload), step ? step : &none, sizeof(none));
}

bool exec_submit(struct exec *x, uint32_t index, const struct step_block *step)
{
    assert(index < x->slot_count);
    struct slot *slot = &x->slots[index];
    assert(!slot->in_flight);
    bool ok;
    x->keeps_last = false;
    slot->started = os_seconds();
    write_step(slot, step);
    if (!x->measured && gpu_device_limits(x->device)->executes) {
        if (!create_marks(x, slot, 4096))
            return false;
        clear_marks(slot);
        ok = slot->is_done = run_first(x, index);
    } else {
        if (!slot->stream_count && !record_all(x, index))
            return false;
        ok = submit_recorded(slot);
        slot->is_done = false;
    }
    // Of a lost device a run that is under way tells what it had reached.
    if (!ok && !any_in_flight(x)) {
        report_failure(x, slot);
    } else if (!ok && !gpu_device_is_lost(x->device)) {
        read_marks(x, slot);
        x->keeps_last = true;
    }
    slot->in_flight = ok;
    return ok;
}

bool exec_wait(struct exec *x, uint32_t index)
{
    assert(index < x->slot_count);
    struct slot *slot = &x->slots[index];
    assert(slot->in_flight);
    bool ok = true;
    // Every one, after a failure too: nothing stays in flight.
    for (size_t i = 0; !slot->is_done && i < slot->stream_count; i++)
        ok = gpu_stream_wait(slot->streams[i]) && ok;
    x->run_seconds = os_seconds() - slot->started;
    slot->in_flight = false;
    if (!ok)
        report_failure(x, slot);
    else if (!x->keeps_last)
        read_marks(x, slot);
    return ok;
}

bool exec_run(struct exec *x, const struct step_block *step)
{
    return exec_submit(x, 0, step) && exec_wait(x, 0);
}

const char *exec_last_kernel(const struct exec *x)
{
    return x->last_kernel;
}

double exec_seconds(const struct exec *x)
{
    return x->run_seconds;
}

uint32_t exec_submissions(const struct exec *x)
{
    return x->submissions;
}

bool exec_profile(struct exec *x, const struct step_block *step, double *seconds)
{
    size_t calls = graph_call_count(x->graph);
    for (int i = 0; i < 2 && !x->measured; i++)
        if (!exec_run(x, step))
            return false;
    struct slot *slot = &x->slots[0];
    assert(!any_in_flight(x));
    write_step(slot, step);
    memset(seconds, 0, calls * sizeof(seconds[0]));
    size_t marks = slot->mark_count;    // of the recorded streams
    bool ok = true;
    for (size_t c = 0; ok && c < calls; c++) {
        struct pieces list = { 0 };
        ok = append_call(&list, c, graph_call(x->graph, c),
                         cut_parts(x->seconds[c], x->budget));
        for (size_t i = 0; ok && i < list.count; i++) {
            const struct pieces one = { .items = &list.items[i], .count = 1 };
            ok = run_once(x, 0, &one, c == 0 && i == 0,
                          c + 1 == calls && i + 1 == list.count, seconds) >= 0;
        }
        mem_free(list.items);
        slot->mark_count = marks;
    }
    return ok;
}

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
    const struct entry *entry = &x->entries[p->call];
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
    uint32_t parts = cut_parts(x->seconds[call], x->budget);
    bool ok = append_call(&list, call, graph_call(x->graph, call), parts);
    *out = (struct exec_time){ .repeats = list.count == 1 ? repeats : 1 };
    for (size_t i = 0; ok && i < list.count; i++)
        ok = time_piece(x, &list.items[i], out->repeats, out);
    mem_free(list.items);
    return ok;
}
