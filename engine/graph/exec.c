// SPDX-License-Identifier: MIT
//
// The life of an exec, its copies, and running steps. See exec.h.

#include "graph/exec_inside.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "gpu/device.h"
#include "graph/barriers.h"
#include "ops/emitter.h"

#include <assert.h>
#include <string.h>

// Aimed length of a submission where the caller does not say: long enough to hide what
// a submission costs, and a tenth of the 2 s after which recent kernels reset an AMD
// compute queue.
#define SUBMISSION_SECONDS 0.2

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

static struct gpu_kernel_key key_of(const struct call *call)
{
    struct gpu_kernel_key key = {
        .shader = call->shader,
        .spec_count = call->spec_count,
        .formats = call->formats,
        .subgroup = call->subgroup,
        .uses_step = call->uses_step,
        .params_size = call->params_size,
    };
    memcpy(key.spec, call->spec, sizeof(key.spec));
    for (; key.buffers < CALL_MAX_BUFFERS && call->use[key.buffers].tensor;
         key.buffers++)
        if (call->use[key.buffers].fetch != FETCH_NONE)
            key.fetched |= 1u << key.buffers;
    return key;
}

// Bindings are the same in all slots, since slots share the tensors. Only what the host
// touches exists once for each slot.
static bool prepare_entry(struct exec *x, const struct call *call,
                          struct exec_entry *entry, struct gpu_kernel_key *key)
{
    *key = key_of(call);
    for (uint32_t i = 0; i < key->buffers; i++) {
        const struct bound b = tensor_bound(call->use[i].tensor);
        const enum fetch fetch = call->use[i].fetch;
        const uint32_t element = tensor_element_bytes(b.root->format);
        assert(b.root->block && b.root->block->buffer);
        entry->bindings[i] = (struct gpu_binding){
            .buffer = b.root->block->buffer,
            .offset = b.root->offset + b.begin,
            .size = b.end - b.begin,
            .texel = fetch == FETCH_FOURS    ? 4 * element
                     : fetch == FETCH_FLOATS ? element
                                             : 0,
            .is_uint = call->formats != 0,
        };
    }
    // One block in device memory for all slots: record_uploads fills it with the
    // numbers of the run whose turn it is.
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

// Bindings of all calls, then their kernels at once: several threads compile them.
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

bool exec_create_kernels(struct gpu_device *device, const struct graph *const *graphs,
                         size_t count)
{
    size_t calls = 0, at = 0;
    for (size_t i = 0; i < count; i++)
        calls += graph_call_count(graphs[i]);
    struct gpu_kernel_key *keys = mem_array(MAX(calls, 1), sizeof(keys[0]));
    struct gpu_kernel **kernels = mem_array(MAX(calls, 1), sizeof(kernels[0]));
    const bool ok = keys && kernels;
    for (size_t i = 0; ok && i < count; i++)
        for (size_t k = 0; k < graph_call_count(graphs[i]); k++)
            keys[at++] = key_of(graph_call(graphs[i], k));
    const bool created = ok && gpu_kernel_get_all(device, keys, calls, kernels);
    mem_free(kernels);
    mem_free(keys);
    return created;
}

struct exec *exec_create(struct gpu_device *device, const struct graph *g,
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

void exec_destroy(struct exec *x)
{
    if (!x)
        return;
    // All of them before what they may still use.
    for (uint32_t i = 0; i < x->slot_count; i++)
        record_drop(&x->slots[i]);
    for (uint32_t i = 0; i < x->slot_count; i++) {
        struct exec_slot *slot = &x->slots[i];
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

// Returns slot 0's memory, zeroed, so that an input which is never written is the same
// in every run. The exec owns it. Recorded commands lack the new copy, so they are
// dropped and recorded again with the next run.
static void *add_transfer(struct exec *x, struct exec_transfer **list, size_t *count,
                          size_t *capacity, struct exec_transfer transfer,
                          uint64_t bytes, enum gpu_use use)
{
    if (!mem_grow(list, capacity, *count + 1, sizeof((*list)[0])))
        return NULL;
    for (uint32_t i = 0; i < x->slot_count; i++) {
        assert(!x->slots[i].in_flight);
        record_drop(&x->slots[i]);
        transfer.buffers[i] = gpu_buffer_create(x->device, bytes, use);
        if (!transfer.buffers[i])
            goto fail;
        memset(gpu_buffer_map(transfer.buffers[i]), 0, (size_t)bytes);
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
    struct tensor *at = emitter_resolve(t);
    return add_transfer(x, &x->uploads, &x->upload_count, &x->upload_capacity,
                        (struct exec_transfer){ .tensor = at }, tensor_bytes(at),
                        GPU_UPLOAD);
}

const void *exec_download(struct exec *x, struct tensor *t)
{
    struct tensor *at = emitter_resolve(t);
    assert(tensor_place(at).root->kept);
    return add_transfer(x, &x->downloads, &x->download_count, &x->download_capacity,
                        (struct exec_transfer){ .tensor = at }, tensor_bytes(at),
                        GPU_READBACK);
}

const float *exec_download_flags(struct exec *x, const struct weights *weights)
{
    assert(weights->count > 0 && !weights->inference);
    return add_transfer(x, &x->downloads, &x->download_count, &x->download_capacity,
                        (struct exec_transfer){ .weights = weights },
                        weights->count * sizeof(float), GPU_READBACK);
}

// Callers hold pointers into slot 0, also into the middle of a tensor, as to one of
// several images. Compared as numbers: pointers into different objects have no order in
// C.
static void *find_memory(const struct exec_transfer *list, size_t count, uint32_t slot,
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

// Nothing stays in flight after a failure.
static bool submit_recorded(struct exec_slot *slot)
{
    record_clear_marks(slot);
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

static bool any_in_flight(const struct exec *x)
{
    for (uint32_t i = 0; i < x->slot_count; i++)
        if (x->slots[i].in_flight)
            return true;
    return false;
}

static void report_failure(struct exec *x, const struct exec_slot *slot)
{
    record_read_marks(x, slot);
    if (gpu_device_is_lost(x->device))
        log_error("exec: the device was lost; it had reached kernel %s",
                  x->last_kernel);
}

static void write_step(struct exec_slot *slot, const struct step_block *step)
{
    const struct step_block none = { 0 };
    if (slot->step_upload)
        memcpy(gpu_buffer_map(slot->step_upload), step ? step : &none, sizeof(none));
}

bool exec_submit(struct exec *x, uint32_t index, const struct step_block *step)
{
    assert(index < x->slot_count);
    struct exec_slot *slot = &x->slots[index];
    assert(!slot->in_flight);
    bool ok;
    x->keeps_last = false;
    // Before a measured run, which waits, so that exec_seconds covers it too.
    slot->started = os_seconds();
    write_step(slot, step);
    if (!x->measured && gpu_device_limits(x->device)->executes) {
        // How many pieces there will be is not known yet. Calls after the 4096th mark
        // have none, which makes the message after a loss less exact and nothing else.
        if (!record_create_marks(x, slot, 4096))
            return false;
        record_clear_marks(slot);
        ok = slot->is_done = first_run_measure(x, index);
    } else {
        // Each slot is recorded when it is used first, and never again unless a copy is
        // added.
        if (!slot->stream_count && !record_step(x, index))
            return false;
        ok = submit_recorded(slot);
        slot->is_done = false;
    }
    // Where the device was lost, the run that is under way reports what it had reached.
    if (!ok && !any_in_flight(x)) {
        report_failure(x, slot);
    } else if (!ok && !gpu_device_is_lost(x->device)) {
        record_read_marks(x, slot);
        x->keeps_last = true;
    }
    slot->in_flight = ok;
    return ok;
}

bool exec_wait(struct exec *x, uint32_t index)
{
    assert(index < x->slot_count);
    struct exec_slot *slot = &x->slots[index];
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
        record_read_marks(x, slot);
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
