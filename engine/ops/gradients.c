// SPDX-License-Identifier: MIT
//
// The one place where a gradient is set or added to. See op.h and emitter.h.

#include "ops/emitter.h"

#include <assert.h>

// Gives a constant gradient memory, for those who need it as a tensor.
static void settle(struct emitter *e, struct graph_tensor *t)
{
    if (!t->gradient_is_constant)
        return;
    t->gradient_is_constant = false;
    t->gradient = emitter_tensor(e, t->base.name, t->base.shape, t->base.format);
    if (t->gradient)
        fill_emit(e, t->gradient, t->gradient_constant);
}

// The tape is walked backwards, so all readers of `out` have added theirs.
struct tensor *emit_output_gradient(struct emitter *e, struct tensor *out)
{
    struct graph_tensor *t = graph_tensor_of(out);
    assert(t->gradient_is_set);
    settle(e, t);
    return t->gradient;
}

bool emit_output_constant(struct emitter *e, struct tensor *out, float *value)
{
    (void)e;
    const struct graph_tensor *t = graph_tensor_of(out);
    assert(t->gradient_is_set);
    *value = t->gradient_constant;
    return t->gradient_is_constant;
}

// True where nothing more has to be done, which includes a tensor whose gradient nobody
// needs. False for a weight, whose gradient an optimiser reads from memory.
bool emitter_set_gradient_constant(struct tensor *t, float value)
{
    if (t->weight)
        return false;
    struct graph_tensor *gt = graph_tensor_of(t);
    if (!gt->needs_gradient)
        return true;
    // A tensor of numbers is there already: the caller has to add to that.
    if (gt->gradient_is_set && !gt->gradient_is_constant)
        return false;
    gt->gradient_constant = gt->gradient_is_set ? gt->gradient_constant + value : value;
    gt->gradient_is_set = gt->gradient_is_constant = true;
    return true;
}

bool emit_gradient_constant(struct emitter *e, struct tensor *in, float value)
{
    (void)e;
    return emitter_set_gradient_constant(in, value);
}

// The tensor takes the place of one that emit_gradient would make, so `gradient` has
// its shape and is complete as far as the caller's share goes.
bool emitter_set_gradient(struct tensor *t, struct tensor *gradient)
{
    if (t->weight)
        return false;
    struct graph_tensor *gt = graph_tensor_of(t);
    if (gt->needs_gradient && gt->gradient_is_set)
        return false;
    gt->gradient = gradient;
    gt->gradient_is_set = true;
    return true;
}

// For what a node computes from its output's gradient once and reads twice: in
// backward, and later in backward_weights.
void emitter_replace_gradient(struct tensor *t, struct tensor *gradient)
{
    assert(!t->weight && graph_tensor_of(t)->gradient_is_set);
    graph_tensor_of(t)->gradient = gradient;
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
        // mark_reached has counted one for each node that asks. At 0 the sum is
        // complete and a fused kernel may update the weight.
        assert(e->passes[index].left > 0);
        e->passes[index].left--;
        tensor = &in->weight->gradient;
        is_set = &e->passes[index].is_set;
    } else {
        struct graph_tensor *t = graph_tensor_of(in);
        if (!t->needs_gradient)
            return none;
        settle(e, t);
        if (!t->gradient)
            t->gradient = emitter_tensor(e, in->name, in->shape, in->format);
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

// Every buffer a driver may be limited to, Vulkan's guaranteed maxStorageBufferRange.
#define GUARANTEED_BINDING (128u << 20)

struct weight_gradient emit_weight_gradient(struct emitter *e, struct tensor *w)
{
    struct weight_gradient out = { .sum = emit_gradient(e, w) };
    // Adam alone has fused kernels: CONV_STORE_ADAM and norm_update.
    if (!out.sum.tensor || !e->optimizer || e->optimizer->kind != OPTIMIZER_ADAM)
        return out;
    // Only the last of all nodes that add to the gradient may update the weight, and
    // none if some later call still reads the old value.
    size_t index = emitter_trained_index(e, w);
    if (index == SIZE_MAX || e->passes[index].is_read_elsewhere)
        return out;
    struct weight_pass *pass = &e->passes[index];
    uint64_t most = e->limits.max_binding ? e->limits.max_binding : GUARANTEED_BINDING;
    if (pass->left > 0 || tensor_bytes(&w->weight->state) > most)
        return out;
    pass->is_updated = true;
    out.state = &w->weight->state;
    out.part = weight_part(w->weight);
    out.optimizer = e->optimizer;
    if (!out.sum.accumulate)
        out.sum.tensor = NULL;
    return out;
}
