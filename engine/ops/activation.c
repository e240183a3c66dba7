// SPDX-License-Identifier: MIT
//
// Elementwise activations y = f(x), both [n, c, h, w]. The formulas are in
// shared/activation.h. Backward computes f'(x) from y, so x is not kept for it.

#include "shared/activation.h"

#include "base/log.h"
#include "ops/op.h"

_Static_assert(sizeof(struct activation_params) <= CALL_MAX_PARAMS, "push constants");
_Static_assert(ACTIVATION_LEAKY == (int)ACTIVATION_KIND_LEAKY &&
                   ACTIVATION_TANH == (int)ACTIVATION_KIND_TANH &&
                   ACTIVATION_SIGMOID == (int)ACTIVATION_KIND_SIGMOID,
               "the kinds of the host and of the shaders are the same numbers");

#define VIEW(member) CALL_VIEW(struct activation_params, member)

static bool activation_infer(const struct op_node *n, struct op_shapes *shapes)
{
    shapes->out = n->in[0]->shape;
    return true;
}

static void activation_forward(struct emitter *e, const struct op_node *n)
{
    const struct grid grid = grid_linear(shape_count(n->out->shape));
    const struct activation_params params = {
        .count = (uint32_t)shape_count(n->out->shape),
        .stride = grid_stride(grid),
        .run = shape_run(n->out->shape),
        .slope = n->attr.activation.slope,
    };
    emit_call(e, &(struct call){
                     .shader = SHADER_ACTIVATION_FORWARD,
                     CALL_SPEC(OP_WORKGROUP, n->attr.activation.kind),
                     .use = { { n->in[0], ACCESS_READ, VIEW(x) },
                              { n->out, ACCESS_WRITE, VIEW(y) } },
                     CALL_PARAMS(params),
                     .grid = grid,
                     .flops = 2ull * params.count,
                 });
}

// y, dy and dx have one shape. For the leaky kind y only says where the slope applies,
// so a tensor with the signs of y does as well: mask_emit passes the activation's
// input.
void activation_emit_backward(struct emitter *e, struct activation_attributes attr,
                              struct tensor *y, struct tensor *dy, struct gradient dx)
{
    const struct grid grid = grid_linear(shape_count(y->shape));
    const struct activation_params params = {
        .count = (uint32_t)shape_count(y->shape),
        .stride = grid_stride(grid),
        .run = shape_run(y->shape),
        .slope = attr.slope,
        .accumulate = dx.accumulate,
    };
    emit_call(e, &(struct call){
                     .shader = SHADER_ACTIVATION_BACKWARD,
                     CALL_SPEC(OP_WORKGROUP, attr.kind),
                     .use = { { y, ACCESS_READ, VIEW(y) },
                              { dy, ACCESS_READ, VIEW(dy) },
                              { dx.tensor, dx.access, VIEW(x) } },
                     CALL_PARAMS(params),
                     .grid = grid,
                     .flops = 3ull * params.count,
                 });
}

// This reads the output, which the next node most often keeps for its own backward
// pass, and not the input, whose memory may be free by then.
static void activation_backward(struct emitter *e, const struct op_node *n)
{
    const struct gradient dx = emit_gradient(e, n->in[0]);
    if (dx.tensor)
        activation_emit_backward(e, n->attr.activation, emit_value(e, n->out),
                                 emit_output_gradient(e, n->out), dx);
}

// The derivative of a leaky ReLU as a factor, y = x * (h > 0 ? 1 : slope) with x, h and
// y [n, c, h, w]: the backward pass of the activation as a node of its own, for losses
// of a gradient. It is linear in x, so its own backward pass is the same kernel.

static bool mask_infer(const struct op_node *n, struct op_shapes *shapes)
{
    if (!shape_equal(n->in[0]->shape, n->in[1]->shape)) {
        char x[SHAPE_TEXT_SIZE], h[SHAPE_TEXT_SIZE];
        log_error("mask: the shapes %s and %s differ", shape_text(n->in[0]->shape, x),
                  shape_text(n->in[1]->shape, h));
        return false;
    }
    shapes->out = n->in[0]->shape;
    return true;
}

static void mask_emit(struct emitter *e, const struct op_node *n, struct tensor *x,
                      struct gradient y)
{
    activation_emit_backward(
        e, (struct activation_attributes){ ACTIVATION_KIND_LEAKY, n->attr.mask },
        emit_value(e, n->in[1]), x, y);
}

static void mask_forward(struct emitter *e, const struct op_node *n)
{
    mask_emit(e, n, n->in[0], (struct gradient){ n->out, ACCESS_WRITE });
}

static void mask_backward(struct emitter *e, const struct op_node *n)
{
    const struct gradient dx = emit_gradient(e, n->in[0]);
    if (dx.tensor)
        mask_emit(e, n, emit_output_gradient(e, n->out), dx);
}

const struct op op_activation = {
    .name = "activation",
    .infer = activation_infer,
    .forward = activation_forward,
    .backward = activation_backward,
};

const struct op op_mask = {
    .name = "mask",
    .infer = mask_infer,
    .forward = mask_forward,
    .backward = mask_backward,
    // The factor is a step function of h, whose derivative is 0 wherever it exists.
    .constant = 1 << 1,
};
