// SPDX-License-Identifier: MIT
//
// Named weights of a network and their memory. See weights.h.

#include "tensor/weights.h"

#include "base/log.h"
#include "base/mem.h"
#include "gpu/transfer.h"
#include "shared/scaler.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

_Static_assert(FLAG_ELEMENTS == WEIGHT_FLAG, "kernels find the copy behind it");

// Running statistics follow the data; the optimiser does not touch them.
bool weight_is_trained(const struct weight *w)
{
    return w->kind != WEIGHT_RUNNING_MEAN && w->kind != WEIGHT_RUNNING_VARIANCE;
}

bool weights_wants_scaler(const struct weights *weights)
{
    return weights->precision == TENSOR_F16 && !weights->inference;
}

bool weights_has_scaler(const struct weights *weights)
{
    return weights_wants_scaler(weights) && weights->count;
}

// In floats. Each part begins at an aligned offset, so that value, m and v can be bound
// one by one as well as together.
uint32_t weight_part(const struct weight *w)
{
    return (uint32_t)(ALIGN_UP(tensor_bytes(&w->value), (uint64_t)TENSOR_ALIGNMENT) /
                      4);
}

struct weights *weights_create(bool inference)
{
    struct weights *weights = mem_zalloc(sizeof(*weights));
    if (weights)
        weights->inference = inference;
    return weights;
}

void weights_destroy(struct weights *weights)
{
    if (!weights)
        return;
    for (size_t i = 0; i < weights->count; i++) {
        mem_free(weights->items[i]->name);
        mem_free(weights->items[i]->norm);
        mem_free(weights->items[i]);
    }
    for (size_t i = 0; i < weights->block_count; i++) {
        gpu_buffer_destroy(weights->blocks[i]->buffer);
        mem_free(weights->blocks[i]);
    }
    mem_free(weights->items);
    mem_free(weights->blocks);
    mem_free(weights);
}

// A network has tens of weights, so a list is searched fast enough.
struct weight *weights_find(const struct weights *weights, const char *name)
{
    for (size_t i = 0; i < weights->count; i++)
        if (strcmp(weights->items[i]->name, name) == 0)
            return weights->items[i];
    return NULL;
}

struct tensor *weights_add(struct weights *weights, enum weight_kind kind,
                           struct shape shape, const char *format, ...)
{
    char name[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(name, sizeof(name), format, arguments);
    va_end(arguments);

    struct weight *w = weights_find(weights, name);
    if (w) {
        assert(shape_equal(w->value.shape, shape));
        return &w->value;
    }
    w = mem_zalloc(sizeof(*w));
    if (!w)
        goto fail;
    w->kind = kind;
    w->name = mem_strdup(name);
    if (!w->name || !mem_grow(&weights->items, &weights->capacity, weights->count + 1,
                              sizeof(weights->items[0])))
        goto fail;
    // All exist from the start; weights_place decides which of them get memory.
    struct tensor *parts[] = { &w->value,      &w->gradient,      &w->m,
                               &w->v,          &w->flag,          &w->copy,
                               &w->v_and_flag, &w->flag_and_copy, &w->state,
                               &w->average };
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        *parts[i] = (struct tensor){ .name = w->name, .shape = shape, .weight = w };
    // In whole parts, with the padding behind each, unlike the shape of the value.
    const uint32_t part = weight_part(w);
    w->flag.shape = (struct shape){ 1, 1, 1, 1 };
    w->flag_and_copy.shape = (struct shape){ 1, 1, 1, WEIGHT_FLAG };
    w->v_and_flag.shape = (struct shape){ 1, 1, 1, part + WEIGHT_FLAG };
    w->state.shape = (struct shape){ 1, 1, 1, 3 * part + WEIGHT_FLAG };
    if (kind == WEIGHT_CONV || kind == WEIGHT_CONV_TRANSPOSE)
        w->copy.format = weights->precision;
    // It is the first weight's, so that nobody takes it for a tensor of a graph.
    if (weights->count == 0)
        weights->scaler = (struct tensor){ .name = "loss scale",
                                           .kept = true,
                                           .shape = { 1, 1, 1, WEIGHTS_SCALER },
                                           .weight = w };
    weights->items[weights->count++] = w;
    return &w->value;

fail:
    if (w)
        mem_free(w->name);
    mem_free(w);
    weights->failed = true;
    return &weights->placeholder;
}

// Bytes of the copy with the padding behind it; 0: there is none.
static uint64_t copy_bytes(const struct weight *w)
{
    return w->uses_copy ? ALIGN_UP(tensor_bytes(&w->copy), (uint64_t)TENSOR_ALIGNMENT)
                        : 0;
}

struct tensor *weight_operand(struct tensor *value)
{
    struct weight *w = value->weight;
    if (!w || value != &w->value || !tensor_format_is_16(w->copy.format))
        return value;
    if (!w->uses_copy) {
        w->uses_copy = true;
        const uint32_t words = (uint32_t)(copy_bytes(w) / 4);
        w->flag_and_copy.shape.w += words;
        w->v_and_flag.shape.w += words;
        w->state.shape.w += words;
    }
    return &w->copy;
}

struct tensor *weights_add_norm(struct weights *weights, uint32_t c, const char *prefix)
{
    const struct shape shape = { 1, c, 1, 1 };
    // In the order in which they lie in memory, see place_state.
    const struct tensor *parts[] = {
        weights_add(weights, WEIGHT_NORM_SCALE, shape, "%s.weight", prefix),
        weights_add(weights, WEIGHT_NORM_SHIFT, shape, "%s.bias", prefix),
        weights_add(weights, WEIGHT_RUNNING_MEAN, shape, "%s.running_mean", prefix),
        weights_add(weights, WEIGHT_RUNNING_VARIANCE, shape, "%s.running_var", prefix),
    };
    if (weights->failed)
        return &weights->placeholder;
    struct weight *scale = parts[0]->weight;
    // A builder that runs again over the same weights finds the norm of the first time.
    if (scale->norm)
        return &scale->value;
    struct norm_weights *norm = mem_zalloc(sizeof(*norm));
    if (!norm) {
        weights->failed = true;
        return &weights->placeholder;
    }
    // [scale | m | v | flag | shift | m | v | flag | mean | flag | variance | flag], or
    // the four values alone.
    const uint32_t part = weight_part(scale);
    const uint32_t flag = weights->inference ? 0 : WEIGHT_FLAG;
    const uint32_t state = (weights->inference ? 1 : 3) * part + flag;
    *norm = (struct norm_weights){
        .scale = scale,
        .shift = parts[1]->weight,
        .mean = parts[2]->weight,
        .variance = parts[3]->weight,
        .part = part,
        .shift_at = state,
        .mean_at = 2 * state,
        .variance_at = 2 * state + part + flag,
    };
    norm->all = (struct tensor){
        .name = scale->name,
        .shape = { 1, 1, 1, 2 * state + 2 * (part + flag) },
        .weight = scale,
    };
    scale->norm = norm;
    return &scale->value;
}

uint64_t weights_trained_count(const struct weights *weights)
{
    uint64_t count = 0;
    for (size_t i = 0; i < weights->count; i++)
        if (weight_is_trained(weights->items[i]))
            count += shape_count(weights->items[i]->value.shape);
    return count;
}

uint64_t weights_largest(const struct weights *weights)
{
    uint64_t largest = 0;
    for (size_t i = 0; i < weights->count; i++)
        largest = MAX(largest, tensor_bytes(&weights->items[i]->value));
    return largest;
}

// With the padding between tensors. Blocks are allocated as large as they are filled.
uint64_t weights_bytes(const struct weights *weights)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < weights->block_count; i++)
        bytes += weights->blocks[i]->size;
    return bytes;
}

// ---------------------------------------------------------------------------
// Places

// A block with room for `bytes` at its end: the last one or a new one. What is left at
// the end of an earlier block stays unused.
static struct block *block_with_room(struct weights *weights, uint64_t bytes,
                                     uint64_t max_block)
{
    if (weights->block_count) {
        struct block *last = weights->blocks[weights->block_count - 1];
        if (last->size + bytes <= max_block)
            return last;
    }
    struct block *block = mem_zalloc(sizeof(*block));
    if (!block || !mem_grow(&weights->blocks, &weights->block_capacity,
                            weights->block_count + 1, sizeof(weights->blocks[0]))) {
        mem_free(block);
        return NULL;
    }
    weights->blocks[weights->block_count++] = block;
    return block;
}

// Places a tensor at the end of a block that has room for `wanted` bytes, at least its
// own: the rest is for the tensors that must follow it there.
static bool put(struct weights *weights, struct tensor *t, uint64_t wanted,
                uint64_t max_block)
{
    uint64_t bytes = ALIGN_UP(tensor_bytes(t), (uint64_t)TENSOR_ALIGNMENT);
    struct block *block = block_with_room(weights, MAX(wanted, bytes), max_block);
    if (!block)
        return false;
    t->block = block;
    t->offset = block->size;
    block->size += bytes;
    return true;
}

// Places value, m and v of a weight side by side if a block can hold them, each by
// itself otherwise, and the flag behind the last of them. The four weights of a
// normalisation, which follow its scale in the list, always share a block, which the
// first of them reserves.
static bool place_state(struct weights *weights, struct weight *w, uint64_t max_block)
{
    const uint64_t bytes = (uint64_t)weight_part(w) * 4;
    const uint64_t flag = weights->inference ? 0 : WEIGHT_FLAG * 4;
    const uint64_t tail = flag + copy_bytes(w);
    uint64_t wanted = w->norm ? tensor_bytes(&w->norm->all) : bytes + tail;
    if (wanted > max_block) {
        log_error("weights: %s needs %.1f MiB in one piece, the device allows %.1f: "
                  "lower --ngf or --ndf",
                  w->name, (double)wanted / (1 << 20), (double)max_block / (1 << 20));
        return false;
    }
    struct tensor *parts[] = { &w->value, &w->m, &w->v };
    size_t count = weight_is_trained(w) && !weights->inference ? 3 : 1;
    bool together = bytes * count + tail <= max_block;
    if (together)
        wanted = MAX(wanted, bytes * count + tail);
    for (size_t i = 0; i < count; i++) {
        if (!put(weights, parts[i], wanted, max_block))
            return false;
        // What holds no more than its own part leaves room for flag and copy.
        wanted = bytes + tail;
    }
    if ((flag > 0 && !put(weights, &w->flag, tail, max_block)) ||
        (w->uses_copy && !put(weights, &w->copy, 0, max_block)))
        return false;
    if (w->uses_copy && flag > 0)
        assert(w->copy.block == w->flag.block &&
               w->copy.offset == w->flag.offset + flag);
    if (count == 3) {
        w->flag_and_copy.block = w->flag.block;
        w->flag_and_copy.offset = w->flag.offset;
        w->v_and_flag.block = w->v.block;
        w->v_and_flag.offset = w->v.offset;
        assert(w->flag.block == w->v.block && w->flag.offset == w->v.offset + bytes);
    }
    if (together && count == 3) {
        w->state.block = w->value.block;
        w->state.offset = w->value.offset;
    }
    if (w->norm) {
        w->norm->all.block = w->value.block;
        w->norm->all.offset = w->value.offset;
    }
    return true;
}

// Gradients and averages come after all values and states, so that these do not move
// with what only some runs need.
bool weights_place(struct weights *weights, uint64_t max_block)
{
    if (weights->failed || weights->block_count)
        return !weights->failed;
    for (size_t i = 0; i < weights->count; i++)
        if (!place_state(weights, weights->items[i], max_block))
            return false;
    for (size_t i = 0; i < weights->count; i++) {
        const struct norm_weights *norm = weights->items[i]->norm;
        if (!norm)
            continue;
        assert(norm->shift->value.offset == norm->all.offset + 4 * norm->shift_at);
        assert(norm->mean->value.offset == norm->all.offset + 4 * norm->mean_at);
        assert(norm->variance->value.offset ==
               norm->all.offset + 4 * norm->variance_at);
    }
    for (size_t i = 0; i < weights->count; i++) {
        struct weight *w = weights->items[i];
        if (w->uses_gradient && !put(weights, &w->gradient, 0, max_block))
            return false;
    }
    if (weights_has_scaler(weights) && !put(weights, &weights->scaler, 0, max_block))
        return false;
    for (size_t i = 0; weights->keeps_average && i < weights->count; i++)
        if (!put(weights, &weights->items[i]->average, 0, max_block))
            return false;
    return true;
}

bool weights_allocate(struct weights *weights, struct gpu_device *device)
{
    for (size_t i = 0; i < weights->block_count; i++) {
        struct block *block = weights->blocks[i];
        // Biases, shifts, moments and running means start from zero.
        block->buffer = gpu_buffer_create(device, block->size, GPU_DEVICE);
        if (!block->buffer || !gpu_buffer_zero(block->buffer))
            return false;
    }
    const struct scaler_block first = { .scale = (float)SCALER_FIRST,
                                        .beta1_power = 1,
                                        .beta2_power = 1 };
    return !weights_has_scaler(weights) ||
           tensor_upload(device, &weights->scaler, &first);
}

bool weights_refresh_copies(struct weights *weights, struct gpu_device *device)
{
    bool ok = true;
    for (size_t i = 0; ok && i < weights->count; i++) {
        struct weight *w = weights->items[i];
        if (!w->uses_copy)
            continue;
        const uint64_t count = shape_count(w->value.shape);
        float *values = mem_array((size_t)count, sizeof(values[0]));
        uint16_t *bits = mem_zalloc((size_t)tensor_bytes(&w->copy));
        ok = values && bits && tensor_download(device, &w->value, values);
        for (uint64_t k = 0; ok && k < count; k++)
            bits[k] = tensor_bits_16(values[k], w->copy.format);
        ok = ok && tensor_upload(device, &w->copy, bits);
        mem_free(values);
        mem_free(bits);
    }
    return ok;
}

// Through the host: it happens seldom in a run, and needs no kernel.
static bool copy_tensor(struct gpu_device *device, const struct tensor *from,
                        struct tensor *to)
{
    void *data = mem_alloc((size_t)tensor_bytes(from));
    bool ok =
        data && tensor_download(device, from, data) && tensor_upload(device, to, data);
    mem_free(data);
    return ok;
}

bool weights_copy_to_average(struct weights *weights, struct gpu_device *device)
{
    assert(weights->keeps_average);
    for (size_t i = 0; i < weights->count; i++)
        if (!copy_tensor(device, &weights->items[i]->value,
                         &weights->items[i]->average))
            return false;
    return true;
}

bool weights_copy_averages(const struct weights *from, struct weights *to,
                           struct gpu_device *device)
{
    assert(from->keeps_average && from->count == to->count);
    for (size_t i = 0; i < from->count; i++)
        if (!copy_tensor(device, &from->items[i]->average, &to->items[i]->value))
            return false;
    return true;
}
