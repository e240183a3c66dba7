// SPDX-License-Identifier: MIT
//
// Appends calls; the one place where a gradient is set or added to. See op.h.

#include "base/mem.h"
#include "ops/emitter.h"

#include <assert.h>
#include <string.h>

void emitter_finish(struct emitter *e)
{
    for (size_t i = 0; i < e->call_count; i++)
        mem_free((void *)e->calls[i].params);
    for (size_t i = 0; i < e->tensor_count; i++)
        mem_free(e->tensors[i]);
    mem_free(e->calls);
    mem_free(e->tensors);
    mem_free(e->weight_is_set);
    *e = (struct emitter){ 0 };
}

struct tensor *emitter_tensor(struct emitter *e, const char *name, struct shape shape,
                              enum tensor_format format)
{
    struct graph_tensor *t = mem_zalloc(sizeof(*t));
    if (!t || !mem_grow(&e->tensors, &e->tensor_capacity, e->tensor_count + 1,
                        sizeof(e->tensors[0]))) {
        mem_free(t);
        e->failed = true;
        return NULL;
    }
    t->base = (struct tensor){ .name = name, .shape = shape, .format = format };
    e->tensors[e->tensor_count++] = t;
    return &t->base;
}

struct tensor *emitter_resolve(struct tensor *t)
{
    while (!t->weight && graph_tensor_of(t)->alias)
        t = graph_tensor_of(t)->alias;
    return t;
}

size_t emitter_trained_index(const struct emitter *e, const struct tensor *t)
{
    if (!t->weight || !e->training || t != &t->weight->value ||
        !weight_is_trained(t->weight))
        return SIZE_MAX;
    for (size_t i = 0; i < e->training->count; i++)
        if (e->training->items[i] == t->weight)
            return i;
    return SIZE_MAX;
}

void emit(struct emitter *e, const struct call *call)
{
    if (e->failed)
        return;
    assert(call->grid.x && call->grid.y && call->grid.z);
    assert(call->grid.x <= OP_MAX_GROUPS && call->grid.y <= OP_MAX_GROUPS &&
           call->grid.z <= OP_MAX_GROUPS);
    assert(call->params_size <= CALL_MAX_PARAMS && call->params_size % 4 == 0);
    assert(call->spec_count <= SHADER_MAX_SPEC);
    void *params = mem_alloc(call->params_size);
    if (!params || !mem_grow(&e->calls, &e->call_capacity, e->call_count + 1,
                             sizeof(e->calls[0]))) {
        mem_free(params);
        e->failed = true;
        return;
    }
    if (call->params_size)
        memcpy(params, call->params, call->params_size);
    struct call *copy = &e->calls[e->call_count++];
    *copy = *call;
    copy->params = params;
    copy->label = e->label;
    for (size_t i = 0; i < CALL_MAX_BUFFERS; i++) {
        if (!copy->use[i].tensor)
            continue;
        assert(copy->use[i].access);
        assert(i == 0 || copy->use[i - 1].tensor);
        copy->use[i].tensor = emitter_resolve(copy->use[i].tensor);
    }
}

uint64_t call_bytes(const struct call *call)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < CALL_MAX_BUFFERS && call->use[i].tensor; i++) {
        bool again = false;
        for (size_t k = 0; k < i; k++)
            again |= call->use[k].tensor == call->use[i].tensor;
        if (!again)
            bytes += tensor_bytes(call->use[i].tensor) *
                     (call->use[i].access == ACCESS_READ_WRITE ? 2 : 1);
    }
    return bytes;
}

struct tensor *emit_value(struct emitter *e, struct tensor *t)
{
    (void)e;
    return t;
}

struct tensor *emit_saved(struct emitter *e, const struct op_node *n, uint32_t i)
{
    (void)e;
    assert(i < OP_MAX_SAVED && n->saved[i]);
    return n->saved[i];
}

struct tensor *emit_temporary(struct emitter *e, const char *name, struct shape shape)
{
    return emitter_tensor(e, name, shape, TENSOR_F32);
}

struct tensor *emit_output_gradient(struct emitter *e, struct tensor *out)
{
    (void)e;
    struct graph_tensor *t = graph_tensor_of(out);
    assert(t->gradient && t->gradient_is_set);
    return t->gradient;
}

struct gradient emit_gradient(struct emitter *e, struct tensor *in)
{
    const struct gradient none = { 0 };
    struct tensor *tensor;
    bool *is_set;
    if (in->weight) {
        size_t index = emitter_trained_index(e, in);
        if (index == SIZE_MAX)
            return none;
        tensor = &in->weight->gradient;
        is_set = &e->weight_is_set[index];
    } else {
        struct graph_tensor *t = graph_tensor_of(in);
        if (!t->needs_gradient)
            return none;
        if (!t->gradient)
            t->gradient = emit_temporary(e, in->name, in->shape);
        tensor = t->gradient;
        is_set = &t->gradient_is_set;
    }
    bool accumulate = *is_set;
    *is_set = true;
    return (struct gradient){
        .tensor = tensor,
        .access = accumulate ? ACCESS_READ_WRITE : ACCESS_WRITE,
        .accumulate = accumulate,
    };
}

struct grid grid_linear(uint64_t count)
{
    uint64_t groups = DIV_UP(count, (uint64_t)OP_WORKGROUP);
    return (struct grid){ (uint32_t)MAX(MIN(groups, (uint64_t)OP_MAX_GROUPS), 1), 1,
                          1 };
}

uint32_t grid_stride(struct grid grid)
{
    return grid.x * grid.y * grid.z * OP_WORKGROUP;
}

const struct op_limits *emit_limits(const struct emitter *e)
{
    return &e->limits;
}
