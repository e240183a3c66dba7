// SPDX-License-Identifier: MIT
//
// Twice the height and width by repeating each element: [n, c, h, w] -> [n, c, 2 h, 2
// w]. The formulas are in shared/upsample.h. Backward adds up four elements for each of
// dx, in a fixed order.

#include "shared/upsample.h"

#include "base/log.h"
#include "ops/op.h"

_Static_assert(sizeof(struct upsample_params) <= CALL_MAX_PARAMS, "push constants");

static bool upsample_infer(const struct op_node *n, struct op_shapes *shapes)
{
    const struct shape x = n->in[0]->shape;
    // The kernels count elements in 32 bits.
    if (shape_count(x) > UINT32_MAX / 4) {
        char text[SHAPE_TEXT_SIZE];
        log_error("upsample: twice the height and width of %s would have more than "
                  "2^32 elements; make the image or the batch smaller",
                  shape_text(x, text));
        return false;
    }
    shapes->out = (struct shape){ x.n, x.c, 2 * x.h, 2 * x.w };
    return true;
}

// x to y forward, dy to dx backward.
static void upsample_emit(struct emitter *e, const struct op_node *n,
                          enum shader shader, struct tensor *from, struct gradient to)
{
    const bool is_forward = shader == SHADER_UPSAMPLE_FORWARD;
    const uint32_t x = CALL_VIEW(struct upsample_params, x);
    const uint32_t y = CALL_VIEW(struct upsample_params, y);
    const uint64_t count = shape_count(to.tensor->shape);
    const struct grid grid = grid_linear(count);
    const struct upsample_params params = {
        .count = (uint32_t)count,
        .stride = grid_stride(grid),
        .h = n->in[0]->shape.h,
        .w = n->in[0]->shape.w,
        .channels = n->in[0]->shape.c,
        .accumulate = to.accumulate,
    };
    emit_call(e, &(struct call){
                     .shader = shader,
                     CALL_SPEC(OP_WORKGROUP),
                     .use = { { from, ACCESS_READ, is_forward ? x : y },
                              { to.tensor, to.access, is_forward ? y : x } },
                     CALL_PARAMS(params),
                     .grid = grid,
                     .flops = (is_forward ? 1 : 4) * count,
                 });
}

static void upsample_forward(struct emitter *e, const struct op_node *n)
{
    upsample_emit(e, n, SHADER_UPSAMPLE_FORWARD, n->in[0],
                  (struct gradient){ n->out, ACCESS_WRITE });
}

static void upsample_backward(struct emitter *e, const struct op_node *n)
{
    const struct gradient dx = emit_gradient(e, n->in[0]);
    if (dx.tensor)
        upsample_emit(e, n, SHADER_UPSAMPLE_BACKWARD, emit_output_gradient(e, n->out),
                      dx);
}

const struct op op_upsample = {
    .name = "upsample",
    .infer = upsample_infer,
    .forward = upsample_forward,
    .backward = upsample_backward,
};
