// SPDX-License-Identifier: MIT
//
// The emitter's inside, for the graph that owns one: calls and the gradients of the
// backward pass under way. Ops see op.h only.

#ifndef OPS_EMITTER_H
#define OPS_EMITTER_H

#include "ops/op.h"
#include "tensor/weights.h"

// A tensor that the graph made. `alias` is what a detached tensor stands for; the
// fields after it belong to the backward pass under way.
struct graph_tensor {
    struct tensor
        base;    // first: a struct tensor that is not a weight is one of these
    struct tensor *alias;
    bool needs_gradient;
    bool gradient_is_set;
    struct tensor *gradient;
};

static inline struct graph_tensor *graph_tensor_of(struct tensor *t)
{
    return (struct graph_tensor *)t;
}

struct emitter {
    struct op_limits limits;
    struct call *calls;
    size_t call_count, call_capacity;
    struct graph_tensor **tensors;
    size_t tensor_count, tensor_capacity;
    const char *label;                 // of the node whose calls are emitted
    const struct weights *training;    // of the backward pass under way
    bool *weight_is_set;               // its gradient has a value; [training->count]
    bool failed;
};

void emitter_finish(struct emitter *e);    // frees what it holds

// A new tensor, NULL only if there is no memory (then failed is set).
struct tensor *emitter_tensor(struct emitter *e, const char *name, struct shape shape,
                              enum tensor_format format);

// Follows aliases to the tensor that has memory.
struct tensor *emitter_resolve(struct tensor *t);

// Index of a weight's value in the network that is trained, or SIZE_MAX.
size_t emitter_trained_index(const struct emitter *e, const struct tensor *t);

#endif
