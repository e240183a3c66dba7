// SPDX-License-Identifier: MIT
//
// The channels of each pixel divided by their length, [n, c, h, w] -> [n, c, h, w]. The
// formulas are in shared/unit.h. Backward finds the lengths again, which takes one of
// the two passes over the channels that it needs anyway.

#include "shared/unit.h"

#include "ops/op.h"

_Static_assert(sizeof(struct unit_params) <= CALL_MAX_PARAMS, "push constants");

static bool unit_infer(const struct op_node *n, struct op_shapes *shapes)
{
    shapes->out = n->in[0]->shape;
    return true;
}

static struct grid grid_of(struct shape s)
{
    return grid_linear((uint64_t)s.n * s.h * s.w);
}

static struct unit_params params_of(struct shape s)
{
    return (struct unit_params){
        .count = s.n * s.h * s.w,
        .stride = grid_stride(grid_of(s)),
        .channels = s.c,
        .plane = s.h * s.w,
    };
}

#define VIEW(member) CALL_VIEW(struct unit_params, member)

static void unit_forward(struct emitter *e, const struct op_node *n)
{
    const struct unit_params params = params_of(n->out->shape);
    emit_call(e, &(struct call){
                     .shader = SHADER_UNIT_FORWARD,
                     CALL_SPEC(OP_WORKGROUP),
                     .use = { { n->in[0], ACCESS_READ, VIEW(x) },
                              { n->out, ACCESS_WRITE, VIEW(y) } },
                     CALL_PARAMS(params),
                     .grid = grid_of(n->out->shape),
                     .flops = 3 * shape_count(n->out->shape),
                 });
}

static void unit_backward(struct emitter *e, const struct op_node *n)
{
    const struct gradient dx = emit_gradient(e, n->in[0]);
    if (!dx.tensor)
        return;
    struct unit_params params = params_of(n->out->shape);
    params.accumulate = dx.accumulate;
    emit_call(e, &(struct call){
                     .shader = SHADER_UNIT_BACKWARD,
                     CALL_SPEC(OP_WORKGROUP),
                     .use = { { emit_value(e, n->in[0]), ACCESS_READ, VIEW(x) },
                              { emit_output_gradient(e, n->out), ACCESS_READ, VIEW(y) },
                              { dx.tensor, dx.access, VIEW(dx) } },
                     CALL_PARAMS(params),
                     .grid = grid_of(n->out->shape),
                     .flops = 7 * shape_count(n->out->shape),
                 });
}

const struct op op_unit = {
    .name = "unit",
    .infer = unit_infer,
    .forward = unit_forward,
    .backward = unit_backward,
};
