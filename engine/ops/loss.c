// SPDX-License-Identifier: MIT
//
// Losses: the mean of a function of each element and its target. The formulas are in
// shared/loss.h. Forward is two calls: partial sums by at most LOSS_MAX_PARTIAL
// workgroups, whose number depends on the shape only, then their sum.

#include "shared/loss.h"

#include "base/log.h"
#include "ops/op.h"

// Elements an invocation should have before another workgroup is worth its partial sum.
#define ELEMENTS_EACH 8

_Static_assert(sizeof(struct loss_params) <= CALL_MAX_PARAMS, "push constants");
_Static_assert(sizeof(struct reduce_params) <= CALL_MAX_PARAMS, "push constants");
_Static_assert(REDUCE_WORKGROUP == OP_WORKGROUP, "sums are over whole workgroups");
_Static_assert(LOSS_L1 == (int)LOSS_KIND_L1 && LOSS_MSE == (int)LOSS_KIND_MSE &&
                   LOSS_BCE == (int)LOSS_KIND_BCE,
               "the kinds of the host and of the shaders are the same numbers");

static bool loss_infer(const struct op_node *n, struct op_shapes *shapes)
{
    if (n->attr.loss.has_target && !shape_equal(n->in[0]->shape, n->in[1]->shape)) {
        char a[SHAPE_TEXT_SIZE], b[SHAPE_TEXT_SIZE];
        log_error("loss: the shapes %s and %s of output and target differ",
                  shape_text(n->in[0]->shape, a), shape_text(n->in[1]->shape, b));
        return false;
    }
    shapes->out = (struct shape){ 1, 1, 1, 1 };
    return true;
}

static void loss_forward(struct emitter *e, const struct op_node *n)
{
    const struct loss_attributes attr = n->attr.loss;
    const uint64_t count = shape_count(n->in[0]->shape);
    const uint64_t groups = DIV_UP(count, OP_WORKGROUP * ELEMENTS_EACH);
    const struct grid grid = { (uint32_t)MIN(groups, LOSS_MAX_PARTIAL), 1, 1 };
    struct tensor *partial =
        emit_temporary(e, "loss partial sums", (struct shape){ 1, 1, 1, grid.x });

    const struct loss_params params = {
        .count = (uint32_t)count,
        .stride = grid_stride(grid),
        .label = attr.label,
    };
    emit(e, &(struct call){
                .shader = SHADER_LOSS_FORWARD,
                CALL_SPEC(OP_WORKGROUP, attr.kind, attr.has_target),
                .use = { { n->in[0], ACCESS_READ },
                         { n->in[attr.has_target ? 1 : 0], ACCESS_READ },
                         { partial, ACCESS_WRITE } },
                CALL_PARAMS(params),
                .grid = grid,
                .flops = (attr.kind == LOSS_KIND_BCE ? 24 : 3) * count,
            });

    const struct reduce_params reduce = {
        .count = grid.x,
        .factor = (float)(1.0 / (double)count),
    };
    emit(e, &(struct call){
                .shader = SHADER_REDUCE_SUM,
                CALL_SPEC(OP_WORKGROUP),
                .use = { { partial, ACCESS_READ }, { n->out, ACCESS_WRITE } },
                CALL_PARAMS(reduce),
                .grid = { 1, 1, 1 },
                .flops = grid.x,
            });
}

static void loss_backward(struct emitter *e, const struct op_node *n)
{
    const struct loss_attributes attr = n->attr.loss;
    for (uint32_t side = 0; side < (attr.has_target ? 2u : 1u); side++) {
        const struct gradient dx = emit_gradient(e, n->in[side]);
        if (!dx.tensor)
            continue;

        struct tensor *x = emit_value(e, n->in[0]);
        const uint64_t count = shape_count(n->in[0]->shape);
        const struct grid grid = grid_linear(count);
        const struct loss_params params = {
            .count = (uint32_t)count,
            .stride = grid_stride(grid),
            .label = attr.label,
            .factor = (float)(1.0 / (double)count),
            .accumulate = dx.accumulate,
        };
        emit(e, &(struct call){
                    .shader = SHADER_LOSS_BACKWARD,
                    CALL_SPEC(OP_WORKGROUP, attr.kind, attr.has_target, side),
                    .use = { { x, ACCESS_READ },
                             { attr.has_target ? emit_value(e, n->in[1]) : x,
                               ACCESS_READ },
                             { emit_output_gradient(e, n->out), ACCESS_READ },
                             { dx.tensor, dx.access } },
                    CALL_PARAMS(params),
                    .grid = grid,
                    .flops = (attr.kind == LOSS_KIND_BCE ? 8 : 4) * count,
                });
    }
}

const struct op op_loss = {
    .name = "loss",
    .infer = loss_infer,
    .forward = loss_forward,
    .backward = loss_backward,
};
