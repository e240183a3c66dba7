// SPDX-License-Identifier: MIT
//
// Mean and variance of a rectangle of each channel: x [n, c, h, w] and region
// [1, 1, 1, 4] -> [n, c, 1, 2]. The layout of both is in shared/moments.h. The host
// says where the rectangle is, run by run. Forward only: it serves translation.

#include "shared/moments.h"

#include "base/log.h"
#include "ops/emitter.h"

_Static_assert(sizeof(struct moments_params) <= CALL_MAX_PARAMS, "push constants");

static bool moments_infer(const struct op_node *n, struct op_shapes *shapes)
{
    const struct shape x = n->in[0]->shape;
    char text[SHAPE_TEXT_SIZE];
    if (shape_count(n->in[1]->shape) != MOMENTS_REGION) {
        log_error("moments: a rectangle is %d numbers, not %s", MOMENTS_REGION,
                  shape_text(n->in[1]->shape, text));
        return false;
    }
    shapes->out = (struct shape){ x.n, x.c, 1, MOMENTS };
    shapes->is_full = true;
    return true;
}

static void moments_forward(struct emitter *e, const struct op_node *n)
{
    const struct shape s = n->in[0]->shape;
    const uint32_t groups = s.n * s.c, row = MIN(groups, OP_MAX_GROUPS);
    const struct moments_params params = {
        .groups = groups,
        .channels = s.c,
        .h = s.h,
        .w = s.w,
        .row = row,
        .step = n->attr.step,
    };
    emit_call(
        e, &(struct call){
               .shader = SHADER_MOMENTS,
               CALL_SPEC(OP_WORKGROUP),
               .use = { { n->in[0], ACCESS_READ, CALL_VIEW(struct moments_params, x) },
                        { n->in[1], ACCESS_READ },
                        { n->out, ACCESS_WRITE } },
               CALL_PARAMS(params),
               .grid = { row, DIV_UP(groups, row), 1 },
               .flops = 4 * shape_count(s),
           });
}

static void moments_backward(struct emitter *e, const struct op_node *n)
{
    log_error("%s: has no gradient", n->label);
    e->failed = true;
}

const struct op op_moments = {
    .name = "moments",
    .infer = moments_infer,
    .forward = moments_forward,
    .backward = moments_backward,
};
