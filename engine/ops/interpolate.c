// SPDX-License-Identifier: MIT
//
// Points between two tensors, a, b and y [n, c, h, w], for the gradient penalty. The
// formula is in shared/interpolate.h. There is no gradient: the penalty is on D's
// gradient at these points, however they were made.

#include "shared/interpolate.h"

#include "base/log.h"
#include "ops/op.h"

_Static_assert(sizeof(struct interpolate_params) <= CALL_MAX_PARAMS, "push constants");

static bool interpolate_infer(const struct op_node *n, struct op_shapes *shapes)
{
    if (!shape_equal(n->in[0]->shape, n->in[1]->shape)) {
        char a[SHAPE_TEXT_SIZE], b[SHAPE_TEXT_SIZE];
        log_error("interpolate: the shapes %s and %s differ",
                  shape_text(n->in[0]->shape, a), shape_text(n->in[1]->shape, b));
        return false;
    }
    shapes->out = n->in[0]->shape;
    return true;
}

#define VIEW(member) CALL_VIEW(struct interpolate_params, member)

static void interpolate_forward(struct emitter *e, const struct op_node *n)
{
    const struct interpolate_attributes attr = n->attr.interpolate;
    const uint64_t count = shape_count(n->out->shape);
    const struct grid grid = grid_linear(count);
    const struct interpolate_params params = {
        .count = (uint32_t)count,
        .stride = grid_stride(grid),
        .run = shape_run(n->out->shape),
        .alpha = attr.alpha,
        .stream = attr.stream,
        .first_sample = attr.first_sample,
    };
    emit_call(e, &(struct call){
                     .shader = SHADER_INTERPOLATE,
                     CALL_SPEC(OP_WORKGROUP),
                     .use = { { n->in[0], ACCESS_READ, VIEW(a) },
                              { n->in[1], ACCESS_READ, VIEW(b) },
                              { n->out, ACCESS_WRITE, VIEW(y) } },
                     .uses_step = true,
                     CALL_PARAMS(params),
                     .grid = grid,
                     // Every element draws its sample's number: ten rounds of about
                     // eight.
                     .flops = (attr.alpha < 0.0f ? 83 : 3) * count,
                 });
}

const struct op op_interpolate = {
    .name = "interpolate",
    .infer = interpolate_infer,
    .forward = interpolate_forward,
};
