// SPDX-License-Identifier: MIT
//
// Constants: a tensor of any shape with one number everywhere. The op starts the
// gradient that the penalty measures; fill_emit also clears the gradients of weights
// that a loss does not depend on.

#include "shared/fill.h"

#include "ops/op.h"

_Static_assert(sizeof(struct fill_params) <= CALL_MAX_PARAMS, "push constants");

void fill_emit(struct emitter *e, struct tensor *t, float value)
{
    const struct grid grid = grid_linear(shape_count(t->shape));
    const struct fill_params params = {
        .count = (uint32_t)shape_count(t->shape),
        .stride = grid_stride(grid),
        .value = value,
    };
    emit_call(e, &(struct call){
                     .shader = SHADER_FILL,
                     CALL_SPEC(OP_WORKGROUP),
                     .use = { { t, ACCESS_WRITE } },
                     CALL_PARAMS(params),
                     .grid = grid,
                 });
}

static bool fill_infer(const struct op_node *n, struct op_shapes *shapes)
{
    shapes->out = n->attr.fill.shape;
    return true;
}

static void fill_forward(struct emitter *e, const struct op_node *n)
{
    fill_emit(e, n->out, n->attr.fill.value);
}

const struct op op_fill = {
    .name = "fill",
    .infer = fill_infer,
    .forward = fill_forward,
};
