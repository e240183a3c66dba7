// SPDX-License-Identifier: MIT
//
// The emitter's inside, for the graph that owns one: calls and the gradients of the
// backward pass under way. Most ops see op.h only; those that make slices need this.

#ifndef OPS_EMITTER_H
#define OPS_EMITTER_H

#include "ops/conv_shape.h"
#include "ops/op.h"
#include "tensor/weights.h"

// A tensor that the graph made. `alias` is the tensor that a detached one is; the
// fields after it belong to the backward pass under way.
struct graph_tensor {
    struct tensor
        base;    // first: a struct tensor that is not a weight is one of these
    struct tensor *alias;
    bool needs_gradient;    // depends on what is trained
    bool is_reached;        // and the loss depends on it
    bool gradient_is_set;
    bool gradient_is_constant;    // the same number everywhere; no tensor then
    float gradient_constant;
    struct tensor *gradient;
    bool is_read;    // by a call that is not dead
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
    struct conv_shapes products;    // of the convolutions emitted
    const char *label;              // of the node whose calls are emitted
    // Of the backward pass under way.
    const struct weights *training;
    const struct optimizer *optimizer;    // NULL: only gradients are wanted
    struct tensor *scaler;    // the loss scale of the network; NULL: it has none
    struct weight_pass {
        bool is_set;               // its gradient has a value
        bool is_updated;           // by the call that completed it
        uint32_t left;             // nodes that will still add to its gradient
        bool is_read_elsewhere;    // by a backward that `left` does not count
    } * passes;                    // [training->count]
    bool failed;
};

void emitter_finish(struct emitter *e);    // frees what it holds

// A new tensor, NULL only if out of memory (then failed is set).
struct tensor *emitter_tensor(struct emitter *e, const char *name, struct shape shape,
                              enum tensor_format format);

// Writes the places of all tensors into the params of the calls. After the last call.
void emitter_fill_views(struct emitter *e);

// A slice of a tensor: some samples or some channels, of this shape. NULL only if out
// of memory.
struct tensor *emitter_slice(struct emitter *e, struct tensor *parent, uint32_t first_n,
                             uint32_t first_c, struct shape shape);

// Makes an existing tensor a slice of `parent`, unless it cannot be one: it has
// another parent, belongs to weights or the host, or a call cannot handle slices.
bool emitter_make_slice(struct emitter *e, struct tensor *t, struct tensor *parent,
                        uint32_t first_n, uint32_t first_c);

// Makes `gradient` that of a tensor which has none yet. True as well if it needs none.
bool emitter_set_gradient(struct tensor *t, struct tensor *gradient);

// Puts another tensor in the place of one's complete gradient.
void emitter_replace_gradient(struct tensor *t, struct tensor *gradient);

// The gradient of a tensor is the same number everywhere, and not in memory.
bool emitter_set_gradient_constant(struct tensor *t, float value);

// Drops calls whose results nobody reads. After the last call.
void emitter_drop_dead(struct emitter *e);

// Follows aliases to the tensor that has memory, or is a slice of one.
struct tensor *emitter_resolve(struct tensor *t);

// Index of a weight's value in the network that is trained, or SIZE_MAX.
size_t emitter_trained_index(const struct emitter *e, const struct tensor *t);

#endif
