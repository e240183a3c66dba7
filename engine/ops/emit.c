// SPDX-License-Identifier: MIT
//
// Appends calls and makes tensors. See op.h and emitter.h.

#include "base/mem.h"
#include "ops/emitter.h"
#include "shared/base.h"

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
    conv_shapes_free(&e->products);
    mem_free(e->passes);
    *e = (struct emitter){ 0 };
}

// One allocation each, because nodes and calls hold pointers to them for as long as the
// graph lives.
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

// The value alone counts: a gradient or a moment of the same weight has no gradient. A
// network has tens of weights, so a list is searched fast enough.
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

_Static_assert(SPEC_FORMATS == SHADER_SPEC_FORMATS, "the constant of formats");

static uint32_t format_code(enum tensor_format format)
{
    return format == TENSOR_F16 ? FORMAT_F16 : format == TENSOR_BF16 ? FORMAT_BF16 : 0;
}

// Whether what an optimiser sees as one range ends in the weight's copy of 16 bits.
static bool has_copy(const struct tensor *t)
{
    const struct weight *w = t->weight;
    return w && w->uses_copy &&
           (t == &w->state || t == &w->v_and_flag || t == &w->flag_and_copy);
}

// Where there is a loss scale: binds it to a kernel that heeds it, or that stores
// activations or their gradients in 16 bits. Before a network has weights nothing can
// overflow.
static void add_scaler(const struct emitter *e, struct call *call)
{
    const struct shader_code *code = &shader_table[call->shader];
    bool stores_16 = false;
    uint32_t place = 0;
    for (; place < CALL_MAX_BUFFERS && call->use[place].tensor; place++)
        stores_16 |= (call->use[place].access & ACCESS_WRITE) &&
                     tensor_format_is_16(call->use[place].tensor->format);
    if (!e->scaler || !e->scaler->weight || code->scaled == call->shader ||
        (code->marks && !stores_16))
        return;
    assert(place < CALL_MAX_BUFFERS);
    call->use[place] = (struct call_use){
        .tensor = e->scaler,
        .access = code->marks ? ACCESS_READ_WRITE : ACCESS_READ,
    };
    call->scaler = place + 1;
    call->shader = code->scaled;
}

// Limits that Vulkan guarantees are asserted here, once for all ops: they know them
// from op.h and do not ask the device.
void emit_call(struct emitter *e, const struct call *call)
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
    for (uint32_t i = 0; i < CALL_MAX_BUFFERS; i++) {
        if (!copy->use[i].tensor)
            continue;
        assert(copy->use[i].access);
        assert(i == 0 || copy->use[i - 1].tensor);
        struct tensor *t = emitter_resolve(copy->use[i].tensor);
        copy->use[i].tensor = t;
        // A kernel that gets no view starts at element 0 of its binding, where a slice
        // does not begin.
        assert(!t->parent || copy->use[i].view);
        assert(copy->use[i].view < copy->params_size);
        // weights_place gives memory to those gradients only that some call touches.
        if (t->weight && t == &t->weight->gradient)
            t->weight->uses_gradient = true;
        copy->formats |= format_code(t->format) << (FORMAT_BITS * i);
        if (has_copy(t))
            copy->formats |= format_code(t->weight->copy.format)
                             << (FORMAT_BITS * FORMAT_OF_COPY);
    }
    add_scaler(e, copy);
    if (copy->formats && !copy->scaler) {
        assert(shader_table[copy->shader].halves != copy->shader ||
               shader_table[copy->shader].is_matrix);
        copy->shader = shader_table[copy->shader].halves;
    }
}

void emitter_fill_views(struct emitter *e)
{
    // Not before the last call: until then a tensor may still become a slice of
    // another.
    for (size_t i = 0; i < e->call_count; i++)
        for (size_t k = 0; k < CALL_MAX_BUFFERS; k++) {
            const struct call_use *use = &e->calls[i].use[k];
            if (!use->tensor || !use->view)
                continue;
            const struct bound b = tensor_bound(use->tensor);
            const struct view view = { b.first, b.stride };
            memcpy((char *)e->calls[i].params + use->view - 1, &view, sizeof(view));
        }
}

void emit_product(struct emitter *e, const struct conv_shape *shape)
{
    if (!conv_shapes_add(&e->products, shape))
        e->failed = true;
}

// What a perfect cache would leave: each tensor is read once and written once.
uint64_t call_bytes(const struct call *call)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < CALL_MAX_BUFFERS && call->use[i].tensor; i++) {
        enum access access = call->use[i].access;
        bool again = false;
        for (size_t k = 0; k < CALL_MAX_BUFFERS; k++) {
            if (call->use[k].tensor != call->use[i].tensor)
                continue;
            again |= k < i;
            access |= call->use[k].access;
        }
        if (again)
            continue;
        bytes +=
            tensor_bytes(call->use[i].tensor) * (access == ACCESS_READ_WRITE ? 2 : 1);
        // Of a state that is updated the copy is only written.
        if (access == ACCESS_READ_WRITE && has_copy(call->use[i].tensor))
            bytes -= tensor_bytes(&call->use[i].tensor->weight->copy);
    }
    return bytes;
}

// Stubs: where a graph recomputes activations, these will find the copy.
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

// Always floats: only images at the host's side are bytes, only activations and their
// gradients may have 16 bits.
struct tensor *emit_temporary(struct emitter *e, const char *name, struct shape shape)
{
    return emitter_tensor(e, name, shape, TENSOR_F32);
}

struct tensor *emitter_slice(struct emitter *e, struct tensor *parent, uint32_t first_n,
                             uint32_t first_c, struct shape shape)
{
    struct tensor *t = emitter_tensor(e, parent->name, shape, parent->format);
    if (t) {
        t->parent = emitter_resolve(parent);
        t->first_n = first_n;
        t->first_c = first_c;
    }
    return t;
}

bool emitter_make_slice(struct emitter *e, struct tensor *t, struct tensor *parent,
                        uint32_t first_n, uint32_t first_c)
{
    t = emitter_resolve(t);
    // A weight's memory is not the graph's; an input is copied as one piece; a tensor
    // lies in one place only; and the places of slices are counted in numbers of its
    // format.
    if (t->weight || t->is_input || t->parent || t->format != parent->format ||
        t->format == TENSOR_U8)
        return false;
    // A call that was emitted with it and takes no view could not find it there.
    for (size_t i = 0; i < e->call_count; i++)
        for (size_t k = 0; k < CALL_MAX_BUFFERS; k++)
            if (e->calls[i].use[k].tensor == t && !e->calls[i].use[k].view)
                return false;
    t->parent = parent;
    t->first_n = first_n;
    t->first_c = first_c;
    // A slice has no memory of its own that could be kept.
    if (t->kept)
        tensor_place(parent).root->kept = true;
    return true;
}

// From the last call back: a call is alive if it writes what a live one after it reads,
// what the host reads, or a weight.
void emitter_drop_dead(struct emitter *e)
{
    for (size_t i = 0; i < e->tensor_count; i++)
        e->tensors[i]->is_read = false;
    size_t to = e->call_count;
    for (size_t i = e->call_count; i-- > 0;) {
        struct call *call = &e->calls[i];
        bool is_alive = false;
        for (size_t k = 0; k < CALL_MAX_BUFFERS && call->use[k].tensor; k++) {
            struct tensor *t = tensor_place(call->use[k].tensor).root;
            // That a number overflowed matters only if somebody reads it.
            is_alive |= (call->use[k].access & ACCESS_WRITE) && k + 1 != call->scaler &&
                        (t->weight || t->kept || graph_tensor_of(t)->is_read);
        }
        if (!is_alive) {
            mem_free((void *)call->params);
            continue;
        }
        for (size_t k = 0; k < CALL_MAX_BUFFERS && call->use[k].tensor; k++) {
            struct tensor *t = tensor_place(call->use[k].tensor).root;
            if (!t->weight && (call->use[k].access & ACCESS_READ))
                graph_tensor_of(t)->is_read = true;
        }
        // The live ones gather at the end of the array, in their order.
        e->calls[--to] = *call;
    }
    e->call_count -= to;
    memmove(e->calls, e->calls + to, e->call_count * sizeof(e->calls[0]));
}

// A kernel strides over what is more than 65535 workgroups. The last workgroup may
// reach beyond the end, so kernels compare with the count, too.
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

const struct op_limits op_limits_guaranteed = {
    .max_invocations = 128,
    .shared_bytes = 16384,
    .max_texels = 65536,
    .max_binding = 128u << 20,
};

const struct op_limits *emit_limits(const struct emitter *e)
{
    return &e->limits;
}
