// SPDX-License-Identifier: MIT
//
// Named weights of a network and their memory. See weights.h.

#include "tensor/weights.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/random.h"
#include "gpu/memory.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool weight_is_trained(const struct weight *w)
{
    return w->kind != WEIGHT_RUNNING_MEAN && w->kind != WEIGHT_RUNNING_VARIANCE;
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
    struct tensor *parts[] = { &w->value, &w->gradient, &w->m, &w->v };
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        *parts[i] = (struct tensor){ .name = w->name, .shape = shape, .weight = w };
    weights->items[weights->count++] = w;
    return &w->value;

fail:
    if (w)
        mem_free(w->name);
    mem_free(w);
    weights->failed = true;
    return &weights->placeholder;
}

uint64_t weights_trained_count(const struct weights *weights)
{
    uint64_t count = 0;
    for (size_t i = 0; i < weights->count; i++)
        if (weight_is_trained(weights->items[i]))
            count += shape_count(weights->items[i]->value.shape);
    return count;
}

uint64_t weights_bytes(const struct weights *weights)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < weights->block_count; i++)
        bytes += weights->blocks[i]->size;
    return bytes;
}

// ---------------------------------------------------------------------------
// Places

// A block with room for `bytes` at its end: the last one or a new one.
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

bool weights_place(struct weights *weights, uint64_t max_block)
{
    if (weights->failed || weights->block_count)
        return !weights->failed;
    for (size_t i = 0; i < weights->count; i++) {
        struct weight *w = weights->items[i];
        struct tensor *parts[] = { &w->value, &w->gradient, &w->m, &w->v };
        size_t count = weight_is_trained(w) && !weights->inference ? 4 : 1;
        uint64_t bytes = ALIGN_UP(tensor_bytes(&w->value), (uint64_t)TENSOR_ALIGNMENT);
        if (bytes > max_block) {
            log_error(
                "weights: %s needs %.1f MiB in one piece, the device allows %.1f: "
                "lower --ngf or --ndf",
                w->name, (double)bytes / (1 << 20), (double)max_block / (1 << 20));
            return false;
        }
        // The four parts stay together where they fit.
        bool together = bytes * count <= max_block;
        struct block *block =
            together ? block_with_room(weights, bytes * count, max_block) : NULL;
        for (size_t k = 0; k < count; k++) {
            if (!together)
                block = block_with_room(weights, bytes, max_block);
            if (!block)
                return false;
            parts[k]->block = block;
            parts[k]->offset = block->size;
            block->size += bytes;
        }
    }
    return true;
}

bool weights_allocate(struct weights *weights, struct gpu_device *device)
{
    for (size_t i = 0; i < weights->block_count; i++) {
        struct block *block = weights->blocks[i];
        block->buffer = gpu_buffer_create(device, block->size, GPU_DEVICE);
        if (!block->buffer || !gpu_zero(block->buffer))
            return false;
    }
    return true;
}

bool weights_initialise(struct weights *weights, struct gpu_device *device,
                        struct random *r, double gain)
{
    for (size_t i = 0; i < weights->count; i++) {
        struct weight *w = weights->items[i];
        double mean = 0.0, deviation = 0.0;
        switch (w->kind) {
        case WEIGHT_CONV:
        case WEIGHT_CONV_TRANSPOSE:
            deviation = gain;
            break;
        case WEIGHT_NORM_SCALE:
            mean = 1.0;
            deviation = gain;
            break;
        case WEIGHT_RUNNING_VARIANCE:
            mean = 1.0;
            break;
        case WEIGHT_BIAS:
        case WEIGHT_NORM_SHIFT:
        case WEIGHT_RUNNING_MEAN:
            continue;    // zero since weights_allocate
        }
        size_t count = (size_t)shape_count(w->value.shape);
        float *values = mem_alloc(count * sizeof(values[0]));
        if (!values)
            return false;
        for (size_t k = 0; k < count; k++)
            values[k] =
                (float)(deviation > 0 ? mean + deviation * random_normal(r) : mean);
        bool ok = tensor_upload(device, &w->value, values);
        mem_free(values);
        if (!ok)
            return false;
    }
    return true;
}
