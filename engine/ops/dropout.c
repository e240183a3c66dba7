// SPDX-License-Identifier: MIT
//
// Dropout. The mask is a function of the seed, the step, the node and the element (see
// shared/dropout.h), so backward draws it again and nothing is stored.

#include "shared/dropout.h"

#include "ops/op.h"

#include <assert.h>

_Static_assert(sizeof(struct dropout_params) <= CALL_MAX_PARAMS, "push constants");

// y = x * mask, both [n, c, h, w], into or onto y.
static void dropout_emit(struct emitter *e, const struct op_node *n, struct tensor *x,
                         struct gradient y)
{
    const double probability = (double)n->attr.dropout.probability;
    // At 1 nothing would be left and the factor be infinite.
    assert(probability >= 0.0 && probability < 1.0);
    const uint64_t count = shape_count(y.tensor->shape);
    // An invocation takes four elements, the words of one Philox block. The first
    // element may be in the middle of a block, which makes one block more.
    const struct grid grid = grid_linear(DIV_UP(count + 3, 4));
    const struct dropout_params params = {
        .count = (uint32_t)count,
        .stride = grid_stride(grid),
        .run = shape_run(y.tensor->shape),
        .threshold = (uint32_t)(probability * 4294967296.0),
        .factor = (float)(1.0 / (1.0 - probability)),
        .stream = n->attr.dropout.stream,
        .first = n->attr.dropout.first_sample * shape_run(y.tensor->shape),
        .accumulate = y.accumulate,
    };
    emit_call(
        e, &(struct call){
               .shader = SHADER_DROPOUT,
               CALL_SPEC(OP_WORKGROUP),
               .use = { { x, ACCESS_READ, CALL_VIEW(struct dropout_params, x) },
                        { y.tensor, y.access, CALL_VIEW(struct dropout_params, y) } },
               .uses_step = true,
               CALL_PARAMS(params),
               .grid = grid,
               .flops = 20 * count,    // a quarter of ten rounds of about eight
           });
}

static bool dropout_infer(const struct op_node *n, struct op_shapes *shapes)
{
    shapes->out = n->in[0]->shape;
    return true;
}

static void dropout_forward(struct emitter *e, const struct op_node *n)
{
    dropout_emit(e, n, n->in[0], (struct gradient){ n->out, ACCESS_WRITE });
}

static void dropout_backward(struct emitter *e, const struct op_node *n)
{
    const struct gradient dx = emit_gradient(e, n->in[0]);
    if (dx.tensor)
        dropout_emit(e, n, emit_output_gradient(e, n->out), dx);
}

const struct op op_dropout = {
    .name = "dropout",
    .infer = dropout_infer,
    .forward = dropout_forward,
    .backward = dropout_backward,
};
