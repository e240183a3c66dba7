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
    struct gpu_buffer *buffer;
};

struct exec {
    struct gpu_device *device;
    const struct graph *graph;
    double budget;
    struct entry *entries;
    bool *barriers;     // one stands before the call
    double *seconds;    // measured, of each call
    bool measured;
    struct transfer *uploads, *downloads;
    size_t upload_count, upload_capacity, download_count, download_capacity;
    struct gpu_buffer *step, *step_upload;    // NULL if no call uses the step block
    struct gpu_stream **streams;              // recorded; empty until the first run
    size_t stream_count, stream_capacity;
    struct gpu_buffer *marks;    // breadcrumbs: word i is set when mark i is passed
    size_t *mark_calls;
    size_t mark_count, mark_capacity;
    char last_kernel[256];
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
        .uses_step = call->uses_step,
        .params_size = call->params_size,
    };
    memcpy(key->spec, call->spec, sizeof(key->spec));
    for (; key->buffers < CALL_MAX_BUFFERS && call->use[key->buffers].tensor;
         key->buffers++) {
        const struct bound b = tensor_bound(call->use[key->buffers].tensor);
        assert(b.root->block && b.root->block->buffer);
        entry->bindings[key->buffers] =
            (struct gpu_binding){ b.root->block->buffer, b.root->offset + b.begin,
                                  b.end - b.begin };
    }
    if (call->uses_step && !x->step) {
        x->step = gpu_buffer_create(x->device, sizeof(struct step_block), GPU_DEVICE);
        x->step_upload =
            gpu_buffer_create(x->device, sizeof(struct step_block), GPU_UPLOAD);
        if (!x->step || !x->step_upload)
            return false;
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

struct exec *exec_create(struct gpu_device *device, const struct graph *g,
                         double submission_seconds)
{
    size_t calls = graph_call_count(g);
    struct exec *x = mem_zalloc(sizeof(*x));
    if (!x)
        return NULL;
    x->device = device;
    x->graph = g;
    x->budget = budget_or_default(submission_seconds);
    x->entries = mem_array(MAX(calls, 1), sizeof(x->entries[0]));
    x->barriers = mem_array(MAX(calls, 1), sizeof(x->barriers[0]));
    x->seconds = mem_array(MAX(calls, 1), sizeof(x->seconds[0]));
    if (!x->entries || !x->barriers || !x->seconds || !barriers_find(g, x->barriers) ||
        !prepare_entries(x))
        goto fail;
    return x;

fail:
    exec_destroy(x);
    return NULL;
}

static void drop_streams(struct exec *x)
{
    for (size_t i = 0; i < x->stream_count; i++)
        gpu_stream_destroy(x->streams[i]);
    x->stream_count = 0;
    x->mark_count = 0;
}

void exec_destroy(struct exec *x)
{
    if (!x)
        return;
    drop_streams(x);
    for (size_t i = 0; i < x->upload_count; i++)
        gpu_buffer_destroy(x->uploads[i].buffer);
    for (size_t i = 0; i < x->download_count; i++)
        gpu_buffer_destroy(x->downloads[i].buffer);
    gpu_buffer_destroy(x->step);
    gpu_buffer_destroy(x->step_upload);
    gpu_buffer_destroy(x->marks);
    mem_free(x->mark_calls);
    mem_free(x->streams);
    mem_free(x->uploads);
    mem_free(x->downloads);
    mem_free(x->entries);
    mem_free(x->barriers);
    mem_free(x->seconds);
    mem_free(x);
}

// ---------------------------------------------------------------------------
// Copies

static void *add_transfer(struct exec *x, struct transfer **list, size_t *count,
                          size_t *capacity, struct tensor *t, enum gpu_use use)
{
    struct tensor *at = emitter_resolve(t);
    drop_streams(x);
    if (!mem_grow(list, capacity, *count + 1, sizeof((*list)[0])))
        return NULL;
    struct gpu_buffer *buffer = gpu_buffer_create(x->device, tensor_bytes(at), use);
    if (!buffer)
        return NULL;
    memset(gpu_buffer_map(buffer), 0, (size_t)tensor_bytes(at));
    (*list)[(*count)++] = (struct transfer){ at, buffer };
    return gpu_buffer_map(buffer);
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

static void record_uploads(struct exec *x, struct gpu_stream *stream)
{
    // Whatever ran before is done with the memory that this step writes.
    gpu_stream_barrier(stream);
    for (size_t i = 0; i < x->upload_count; i++) {
        const struct tensor *t = x->uploads[i].tensor;
        gpu_stream_copy(stream, x->uploads[i].buffer, 0, t->block->buffer, t->offset,
                        tensor_bytes(t));
    }
    if (x->step)
        gpu_stream_copy(stream, x->step_upload, 0, x->step, 0,
                        sizeof(struct step_block));
    gpu_stream_barrier(stream);
}

static void record_downloads(struct exec *x, struct gpu_stream *stream)
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
                            x->downloads[i].buffer, n * bytes, bytes);
    }
}

// ---------------------------------------------------------------------------
// Recording

static bool create_marks(struct exec *x, size_t pieces)
{
    // Every piece may begin a stream of its own.
    gpu_buffer_destroy(x->marks);
    x->mark_count = 0;
    x->marks =
        gpu_buffer_create(x->device, MAX(pieces, 1) * sizeof(uint32_t), GPU_READBACK);
    return x->marks && mem_grow(&x->mark_calls, &x->mark_capacity, MAX(pieces, 1),
                                sizeof(x->mark_calls[0]));
}

static void record_mark(struct exec *x, struct gpu_stream *stream, size_t call)
{
    if (!x->marks || (x->mark_count + 1) * sizeof(uint32_t) > gpu_buffer_size(x->marks))
        return;
    x->mark_calls[x->mark_count] = call;
    gpu_stream_fill(stream, x->marks, x->mark_count * sizeof(uint32_t),
                    sizeof(uint32_t), 1);
    x->mark_count++;
}

// Records pieces into a new stream with a timestamp around each if `timed`.
static struct gpu_stream *record(struct exec *x, const struct piece *pieces,
                                 size_t count, bool is_first, bool is_last, bool timed)
{
    struct gpu_stream *stream =
        gpu_stream_create(x->device, (uint32_t)count, timed ? (uint32_t)count + 1 : 0);
    if (!stream || !gpu_stream_begin(stream))
        goto fail;
    if (is_first)
        record_uploads(x, stream);
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
            record_mark(x, stream, p->call);
        if (!gpu_stream_dispatch(stream, entry->kernel, entry->bindings,
                                 call->uses_step ? &step : NULL, call->params, p->base,
                                 p->count))
            goto fail;
        if (timed)
            gpu_stream_timestamp(stream, (uint32_t)i + 1);
    }
    if (is_last)
        record_downloads(x, stream);
    if (!gpu_stream_end(stream))
        goto fail;
    return stream;

fail:
    gpu_stream_destroy(stream);
    return NULL;
}

// Records, submits, waits, and adds what each piece took to seconds[call]. Returns the
// wall time or a negative number.
static double run_once(struct exec *x, const struct pieces *list, bool is_first,
                       bool is_last, double *seconds)
{
    double wall = -1;
    struct gpu_stream *stream =
        record(x, list->items, list->count, is_first, is_last, true);
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
// The first step: cut by estimates that each submission corrects

// What is known of the device while the first step runs.
struct first_run {
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
    double wall = run_once(x, &r->pending, r->is_first, is_last, x->seconds);
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
    double guess = cut_estimate(call, gpu_device_limits(x->device)->is_cpu);
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

static bool run_first(struct exec *x)
{
    size_t calls = graph_call_count(x->graph);
    struct first_run r = { .factor = FIRST_FACTOR, .is_first = true };
    bool ok = true;
    memset(x->seconds, 0, calls * sizeof(x->seconds[0]));
    x->submissions = 0;
    for (size_t c = 0; ok && c < calls; c++)
        ok = run_first_call(x, &r, c);
    ok = ok && submit_pending(x, &r, true);
    mem_free(r.pending.items);
    return ok;
}

// ---------------------------------------------------------------------------
// Later steps: recorded once

static bool record_all(struct exec *x)
{
    bool ok = false;
    bool executes = gpu_device_limits(x->device)->executes;
    struct pieces all = { 0 };
    size_t calls = graph_call_count(x->graph);
    drop_streams(x);
    for (size_t c = 0; c < calls; c++)
        if (!append_call(&all, c, graph_call(x->graph, c),
                         executes ? cut_parts(x->seconds[c], x->budget) : 1))
            goto done;
    if (!create_marks(x, all.count))
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
            struct gpu_stream *stream =
                record(x, all.items + begin, i - begin, begin == 0, is_end, false);
            if (!stream || !mem_grow(&x->streams, &x->stream_capacity,
                                     x->stream_count + 1, sizeof(x->streams[0]))) {
                gpu_stream_destroy(stream);
                goto done;
            }
            x->streams[x->stream_count++] = stream;
            begin = i;
            pending = 0;
        }
        pending += share;
    }
    x->submissions = (uint32_t)x->stream_count;
    ok = true;

done:
    if (!ok)
        drop_streams(x);
    mem_free(all.items);
    return ok;
}

static bool run_recorded(struct exec *x)
{
    memset(gpu_buffer_map(x->marks), 0, (size_t)gpu_buffer_size(x->marks));
    bool ok = true;
    for (size_t i = 0; ok && i < x->stream_count; i++)
        ok = gpu_stream_submit(x->streams[i]);
    // Every one, after a failure too: nothing stays in flight.
    for (size_t i = 0; i < x->stream_count; i++)
        ok = gpu_stream_wait(x->streams[i]) && ok;
    return ok;
}

// What the breadcrumbs say of the last run.
static void read_marks(struct exec *x)
{
    size_t calls = graph_call_count(x->graph), passed = 0;
    const uint32_t *marks = x->marks ? gpu_buffer_map(x->marks) : NULL;
    while (marks && passed < x->mark_count && marks[passed])
        passed++;
    size_t from = passed ? x->mark_calls[passed - 1] : 0;
    size_t to = passed < x->mark_count ? x->mark_calls[passed] : calls;
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

bool exec_run(struct exec *x, const struct step_block *step)
{
    double start = os_seconds();
    if (x->step) {
        const struct step_block none = { 0 };
        memcpy(gpu_buffer_map(x->step_upload), step ? step : &none, sizeof(none));
    }
    bool ok;
    if (!x->measured && gpu_device_limits(x->device)->executes) {
        if (!create_marks(x, 4096))
            return false;
        memset(gpu_buffer_map(x->marks), 0, (size_t)gpu_buffer_size(x->marks));
        ok = run_first(x);
        x->measured = ok;
    } else {
        ok = (x->stream_count || record_all(x)) && run_recorded(x);
    }
    x->run_seconds = os_seconds() - start;
    read_marks(x);
    if (!ok && gpu_device_is_lost(x->device))
        log_error("exec: the device was lost; it had reached kernel %s",
                  x->last_kernel);
    return ok;
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
    if (!x->measured && !exec_run(x, step))
        return false;
    if (x->step)
        memcpy(gpu_buffer_map(x->step_upload), step, sizeof(*step));
    memset(seconds, 0, calls * sizeof(seconds[0]));
    size_t marks = x->mark_count;    // of the recorded streams
    bool ok = true;
    for (size_t c = 0; ok && c < calls; c++) {
        struct pieces list = { 0 };
        ok = append_call(&list, c, graph_call(x->graph, c),
                         cut_parts(x->seconds[c], x->budget));
        for (size_t i = 0; ok && i < list.count; i++) {
            const struct pieces one = { .items = &list.items[i], .count = 1 };
            ok = run_once(x, &one, c == 0 && i == 0,
                          c + 1 == calls && i + 1 == list.count, seconds) >= 0;
        }
        mem_free(list.items);
        x->mark_count = marks;
    }
    return ok;
}
