// SPDX-License-Identifier: MIT
//
// Lifetimes and offsets of the temporaries. See plan.h.

#include "graph/plan.h"

#include "base/log.h"
#include "base/mem.h"
#include "gpu/device.h"
#include "gpu/memory.h"

#include <assert.h>
#include <stdlib.h>

// Ops choose kernels by these while the graph is built, before any memory exists. What
// is built without a device takes the guaranteed limits instead.
struct op_limits plan_op_limits(const struct gpu_device *device)
{
    const struct gpu_limits *limits = gpu_device_limits(device);
    return (struct op_limits){
        .max_invocations = limits->max_invocations,
        .shared_bytes = limits->shared_bytes,
        .max_texels = limits->max_texels,
        .subgroup = limits->subgroup,
        .matrix = limits->matrix,
        .is_cpu = limits->is_cpu,
        // A binding lies inside one block, so neither limit is any use beyond the
        // other.
        .max_binding = MIN(limits->max_binding, limits->max_block),
        // llvmpipe ends loops after 65535 iterations; the rest is a margin.
        .loop_iterations = limits->is_cpu ? 60000 : 0,
    };
}

struct plan_limits plan_device_limits(const struct gpu_device *device)
{
    const struct gpu_limits *limits = gpu_device_limits(device);
    return (struct plan_limits){
        .max_block = limits->max_block,
        .max_binding = limits->max_binding,
    };
}

// One tensor on its way into the arena. `first` and `last` are calls; the copies before
// the first call count as call 0, those after the last as the last.
struct item {
    struct tensor *tensor;
    uint64_t bytes;
    size_t first, last;
    size_t order;    // ties are broken by creation, so that plans are reproducible
};

// A total order, because qsort is not stable: on another C library equal sizes would be
// placed in another order, which is another plan.
static int by_size(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    if (x->bytes != y->bytes)
        return x->bytes > y->bytes ? -1 : 1;
    return x->order < y->order ? -1 : 1;
}

static int by_offset(const void *a, const void *b)
{
    const struct item *x = *(const struct item *const *)a;
    const struct item *y = *(const struct item *const *)b;
    if (x->tensor->offset != y->tensor->offset)
        return x->tensor->offset < y->tensor->offset ? -1 : 1;
    return x->order < y->order ? -1 : 1;
}

// A kernel sees a tensor through one binding in one block. Nothing splits a tensor, so
// one that is larger than either cannot be used at all.
static bool check_binding(const struct tensor *t, const char *label,
                          const struct plan_limits *limits)
{
    uint64_t limit = MIN(limits->max_binding, limits->max_block);
    char text[SHAPE_TEXT_SIZE];
    if (tensor_bytes(t) <= limit)
        return true;
    log_error(
        "plan: a tensor of '%s' is %s, %.1f MiB; the device binds at most %.1f MiB "
        "at once%s%s",
        label, shape_text(t->shape, text), (double)tensor_bytes(t) / (1 << 20),
        (double)limit / (1 << 20), limits->hint ? ": " : "",
        limits->hint ? limits->hint : "");
    return false;
}

// Finds the life of every tensor that a call uses, of a slice that of its root. Returns
// the number of items, or SIZE_MAX after a message.
static size_t collect(struct graph *g, const struct plan_limits *limits,
                      struct item *items, struct plan *plan)
{
    size_t calls = graph_call_count(g), tensors = graph_tensor_count(g), count = 0;
    // The offset of an unplaced tensor is free: it is the index of its item for a
    // while.
    for (size_t i = 0; i < tensors; i++) {
        struct tensor *t = graph_tensor(g, i);
        assert(!t->block);
        items[i] = (struct item){ .tensor = t, .first = SIZE_MAX, .order = i };
        t->offset = i;
    }
    for (size_t i = 0; i < calls; i++) {
        const struct call *call = graph_call(g, i);
        plan->flops += call->flops;
        plan->bytes += call_bytes(call);
        for (size_t k = 0; k < CALL_MAX_BUFFERS && call->use[k].tensor; k++) {
            struct tensor *t = tensor_place(call->use[k].tensor).root;
            if (!check_binding(t, call->label, limits))
                return SIZE_MAX;
            // Weights are placed by weights_place and live for ever: only temporaries
            // get an item.
            if (t->weight)
                continue;
            struct item *item = &items[t->offset];
            if (item->first == SIZE_MAX) {
                // The host writes inputs before the first call.
                assert(t->is_input || !(call->use[k].access & ACCESS_READ));
                item->first = t->is_input ? 0 : i;
            }
            // Calls come in order, so the last assignment is the last use.
            item->last = t->kept ? calls - 1 : i;
        }
    }
    for (size_t i = 0; i < tensors; i++) {
        struct item *item = &items[i];
        item->tensor->offset = 0;
        if (item->first == SIZE_MAX)
            continue;
        item->bytes = ALIGN_UP(tensor_bytes(item->tensor), (uint64_t)TENSOR_ALIGNMENT);
        plan->arena_bytes_without_reuse += item->bytes;
        items[count++] = *item;
    }
    return count;
}

// The lowest gap of `bytes` in a block, among items whose lives meet. `meeting` is room
// for placed_count pointers, so that nothing is allocated for each item. The last gap
// has no end: the caller sees whether the block may become as large.
static uint64_t find_gap(const struct block *block, const struct item *item,
                         struct item *const *placed, size_t placed_count,
                         struct item **meeting)
{
    size_t count = 0;
    for (size_t i = 0; i < placed_count; i++)
        if (placed[i]->tensor->block == block && placed[i]->last >= item->first &&
            placed[i]->first <= item->last)
            meeting[count++] = placed[i];
    qsort(meeting, count, sizeof(meeting[0]), by_offset);
    uint64_t offset = 0;
    for (size_t i = 0; i < count; i++) {
        const struct tensor *t = meeting[i]->tensor;
        if (offset + item->bytes <= t->offset)
            break;
        offset = MAX(offset, t->offset + meeting[i]->bytes);
    }
    return offset;
}

// Largest first, since small ones fit into the gaps that large ones leave. Quadratic in
// the number of tensors, which a plan that is made once can afford.
static bool place(struct plan *plan, struct item *items, size_t count,
                  uint64_t max_block)
{
    struct item **placed = mem_array(MAX(count, 1), sizeof(placed[0]));
    struct item **meeting = mem_array(MAX(count, 1), sizeof(meeting[0]));
    bool ok = placed && meeting;
    for (size_t i = 0; ok && i < count; i++) {
        struct tensor *t = items[i].tensor;
        for (size_t b = 0; b <= plan->block_count && !t->block; b++) {
            if (b == plan->block_count) {
                struct block *block = mem_zalloc(sizeof(*block));
                if (!block || !mem_grow(&plan->blocks, &plan->block_capacity, b + 1,
                                        sizeof(plan->blocks[0]))) {
                    mem_free(block);
                    ok = false;
                    break;
                }
                plan->blocks[plan->block_count++] = block;
            }
            uint64_t offset = find_gap(plan->blocks[b], &items[i], placed, i, meeting);
            if (offset + items[i].bytes <= max_block) {
                t->block = plan->blocks[b];
                // Aligned, because every offset is a sum of sizes that collect rounded
                // up to TENSOR_ALIGNMENT.
                t->offset = offset;
                t->block->size = MAX(t->block->size, offset + items[i].bytes);
            }
        }
        placed[i] = &items[i];
    }
    mem_free(placed);
    mem_free(meeting);
    return ok;
}

struct plan *plan_build(struct graph *g, const struct plan_limits *limits)
{
    if (graph_failed(g))
        return NULL;
    struct plan *plan = mem_zalloc(sizeof(*plan));
    size_t tensors = graph_tensor_count(g);
    struct item *items = mem_array(MAX(tensors, 1), sizeof(items[0]));
    if (!plan || !items)
        goto fail;
    graph_finish(g);
    plan->dispatches = (uint32_t)graph_call_count(g);
    size_t count = collect(g, limits, items, plan);
    if (count == SIZE_MAX)
        goto fail;
    qsort(items, count, sizeof(items[0]), by_size);
    if (!place(plan, items, count, limits->max_block))
        goto fail;
    for (size_t i = 0; i < plan->block_count; i++)
        plan->arena_bytes += plan->blocks[i]->size;
    mem_free(items);
    return plan;

fail:
    mem_free(items);
    plan_destroy(plan);
    return NULL;
}

// Nothing is zeroed: an item's first use is a write (asserted in collect) or an upload.
bool plan_allocate(struct plan *plan, struct gpu_device *device)
{
    for (size_t i = 0; i < plan->block_count; i++) {
        struct block *block = plan->blocks[i];
        block->buffer = gpu_buffer_create(device, block->size, GPU_DEVICE);
        if (!block->buffer)
            return false;
    }
    return true;
}

void plan_destroy(struct plan *plan)
{
    if (!plan)
        return;
    for (size_t i = 0; i < plan->block_count; i++) {
        gpu_buffer_destroy(plan->blocks[i]->buffer);
        mem_free(plan->blocks[i]);
    }
    mem_free(plan->blocks);
    mem_free(plan);
}
