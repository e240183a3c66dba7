// SPDX-License-Identifier: MIT
//
// Three channels by constants of their own, [n, 3, h, w] -> [n, 3, h, w]: what brings
// pictures to the range that a network expects. The formulas are in shared/affine.h.

#include "shared/affine.h"

#include "base/log.h"
#include "ops/op.h"

_Static_assert(sizeof(struct affine_params) <= CALL_MAX_PARAMS, "push constants");

static bool affine_infer(const struct op_node *n, struct op_shapes *shapes)
{
    char text[SHAPE_TEXT_SIZE];
    shapes->out = n->in[0]->shape;
    if (shapes->out.c == AFFINE_CHANNELS)
        return true;
    log_error("affine: the input %s has %u channels, not %d",
              shape_text(shapes->out, text), (unsigned)shapes->out.c, AFFINE_CHANNELS);
    return false;
}

// x to y forward, dy to dx backward.
static void affine_emit(struct emitter *e, const struct op_node *n, struct tensor *from,
                        struct gradient to, bool shifts)
{
    const struct affine_attributes *a = &n->attr.affine;
    const struct shape s = n->out->shape;
    const struct grid grid = grid_linear(shape_count(s));
    const struct affine_params params = {
        .count = (uint32_t)shape_count(s),
        .stride = grid_stride(grid),
        .run = shape_run(s),
        .plane = s.h * s.w,
        .scale_0 = a->scale[0],
        .scale_1 = a->scale[1],
        .scale_2 = a->scale[2],
        .shift_0 = shifts ? a->shift[0] : 0.0f,
        .shift_1 = shifts ? a->shift[1] : 0.0f,
        .shift_2 = shifts ? a->shift[2] : 0.0f,
        .accumulate = to.accumulate,
    };
    emit_call(
        e, &(struct call){
               .shader = SHADER_AFFINE,
               CALL_SPEC(OP_WORKGROUP),
               .use = { { from, ACCESS_READ, CALL_VIEW(struct affine_params, x) },
                        { to.tensor, to.access, CALL_VIEW(struct affine_params, y) } },
               CALL_PARAMS(params),
               .grid = grid,
               .flops = 2ull * params.count,
           });
}

static void affine_forward(struct emitter *e, const struct op_node *n)
{
    affine_emit(e, n, n->in[0], (struct gradient){ n->out, ACCESS_WRITE, 0 }, true);
}

static void affine_backward(struct emitter *e, const struct op_node *n)
{
    const struct gradient dx = emit_gradient(e, n->in[0]);
    if (dx.tensor)
        affine_emit(e, n, emit_output_gradient(e, n->out), dx, false);
}

const struct op op_affine = {
    .name = "affine",
    .infer = affine_infer,
    .forward = affine_forward,
    .backward = affine_backward,
};
