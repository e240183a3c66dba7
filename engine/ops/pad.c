// SPDX-License-Identifier: MIT
//
// Padding with zeros, by reflection or with what lies at the other end, [n, c, h, w] ->
// [n, c, h + 2 size, w + 2 size].
// The formulas are in shared/pad.h. Backward gathers what each element of dx was copied
// to, so that no two invocations add to the same element.

#include "shared/pad.h"

#include "base/log.h"
#include "ops/op.h"

_Static_assert(sizeof(struct pad_params) <= CALL_MAX_PARAMS, "push constants");
_Static_assert(PAD_ZERO == (int)PAD_KIND_ZERO && PAD_REFLECT == (int)PAD_KIND_REFLECT &&
                   PAD_WRAP == (int)PAD_KIND_WRAP,
               "the kinds of the host and of the shaders are the same numbers");

static bool pad_infer(const struct op_node *n, struct op_shapes *shapes)
{
    const struct pad_attributes attr = n->attr.pad;
    const struct shape x = n->in[0]->shape;
    // The edge is not repeated (as torch.nn.ReflectionPad2d), so a side of h has h - 1
    // elements to mirror.
    if ((attr.down == PAD_KIND_REFLECT && attr.size >= x.h) ||
        (attr.across == PAD_KIND_REFLECT && attr.size >= x.w)) {
        char text[SHAPE_TEXT_SIZE];
        log_error("pad: a reflection of %u does not fit the shape %s: height and width "
                  "must be larger",
                  (unsigned)attr.size, shape_text(x, text));
        return false;
    }
    shapes->out = x;
    shapes->out.h += 2 * attr.size;
    shapes->out.w += 2 * attr.size;
    return true;
}

// x to y forward, dy to dx backward.
static void pad_emit(struct emitter *e, const struct op_node *n, enum shader shader,
                     struct tensor *from, struct gradient to)
{
    const bool is_forward = shader == SHADER_PAD_FORWARD;
    const uint32_t x = CALL_VIEW(struct pad_params, x);
    const uint32_t y = CALL_VIEW(struct pad_params, y);
    const struct pad_attributes attr = n->attr.pad;
    const uint64_t count = shape_count(to.tensor->shape);
    const struct grid grid = grid_linear(count);
    const struct pad_params params = {
        .count = (uint32_t)count,
        .stride = grid_stride(grid),
        .h = n->in[0]->shape.h,
        .w = n->in[0]->shape.w,
        .size = attr.size,
        .channels = n->in[0]->shape.c,
        .accumulate = to.accumulate,
    };
    emit_call(e, &(struct call){
                     .shader = shader,
                     CALL_SPEC(OP_WORKGROUP, attr.down, attr.across),
                     .use = { { from, ACCESS_READ, is_forward ? x : y },
                              { to.tensor, to.access, is_forward ? y : x } },
                     CALL_PARAMS(params),
                     .grid = grid,
                     .flops = 2 * count,
                 });
}

static void pad_forward(struct emitter *e, const struct op_node *n)
{
    pad_emit(e, n, SHADER_PAD_FORWARD, n->in[0],
             (struct gradient){ n->out, ACCESS_WRITE });
}

static void pad_backward(struct emitter *e, const struct op_node *n)
{
    const struct gradient dx = emit_gradient(e, n->in[0]);
    if (dx.tensor)
        pad_emit(e, n, SHADER_PAD_BACKWARD, emit_output_gradient(e, n->out), dx);
}

const struct op op_pad = {
    .name = "pad",
    .infer = pad_infer,
    .forward = pad_forward,
    .backward = pad_backward,
};
