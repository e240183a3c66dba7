// SPDX-License-Identifier: MIT
//
// The penalty on gradients whose length is not 1 (Gulrajani et al. 2017, equation 3).
// The formulas are in shared/penalty.h. The input is a gradient by images,
// [n, c, h, w], the output [1, 1, 1, 1]. saved[0], [1, n, 1, 1], has each sample's sum
// of squares, which backward needs again.

#include "shared/penalty.h"

#include "base/log.h"
#include "ops/op.h"

_Static_assert(sizeof(struct penalty_forward_params) <= CALL_MAX_PARAMS,
               "push constants");
_Static_assert(sizeof(struct penalty_backward_params) <= CALL_MAX_PARAMS,
               "push constants");
_Static_assert(REDUCE_WORKGROUP == OP_WORKGROUP, "sums are over whole workgroups");

static bool penalty_infer(const struct op_node *n, struct op_shapes *shapes)
{
    const uint32_t samples = n->in[0]->shape.n;
    // loss_emit_squares has a row of workgroups for each sample.
    if (samples > OP_MAX_GROUPS) {
        log_error("gradient penalty: %u samples are too many, %d are possible: lower "
                  "the batch size",
                  (unsigned)samples, OP_MAX_GROUPS);
        return false;
    }
    shapes->out = (struct shape){ 1, 1, 1, 1 };
    shapes->saved[0] = (struct shape){ 1, samples, 1, 1 };
    return true;
}

// The mean over samples and the weight of the loss, lambda in the paper.
static float factor_of(const struct op_node *n)
{
    return (float)((double)n->attr.penalty / n->in[0]->shape.n);
}

static void penalty_forward(struct emitter *e, const struct op_node *n)
{
    const struct penalty_forward_params params = {
        .samples = n->in[0]->shape.n,
        .factor = factor_of(n),
    };
    loss_emit_squares(e, n->in[0], n->saved[0]);
    emit_call(e, &(struct call){
                     .shader = SHADER_PENALTY_FORWARD,
                     CALL_SPEC(OP_WORKGROUP),
                     .use = { { n->saved[0], ACCESS_READ }, { n->out, ACCESS_WRITE } },
                     CALL_PARAMS(params),
                     .grid = { 1, 1, 1 },
                     .flops = 4ull * params.samples,
                 });
}

#define VIEW(member) CALL_VIEW(struct penalty_backward_params, member)

static void penalty_backward(struct emitter *e, const struct op_node *n)
{
    const struct gradient dx = emit_gradient(e, n->in[0]);
    if (!dx.tensor)
        return;
    float seed = 1.0f;
    const bool has_seed = !emit_output_constant(e, n->out, &seed);
    struct tensor *x = emit_value(e, n->in[0]);
    struct tensor *dy = has_seed ? emit_output_gradient(e, n->out) : x;
    const uint64_t count = shape_count(n->in[0]->shape);
    const struct grid grid = grid_linear(count);
    const struct penalty_backward_params params = {
        .count = (uint32_t)count,
        .stride = grid_stride(grid),
        .run = shape_run(n->in[0]->shape),
        .factor = factor_of(n) * (has_seed ? 1.0f : seed),
        .accumulate = dx.accumulate,
    };
    emit_call(e, &(struct call){
                     .shader = SHADER_PENALTY_BACKWARD,
                     CALL_SPEC(OP_WORKGROUP, has_seed),
                     // Without a seed dy is not read; x is bound in its place.
                     .use = { { x, ACCESS_READ, VIEW(x) },
                              { emit_saved(e, n, 0), ACCESS_READ },
                              { dy, ACCESS_READ, has_seed ? VIEW(dy) : VIEW(x) },
                              { dx.tensor, dx.access, VIEW(dx) } },
                     CALL_PARAMS(params),
                     .grid = grid,
                     .flops = 5 * count,
                 });
}

const struct op op_penalty = {
    .name = "gradient penalty",
    .infer = penalty_infer,
    .forward = penalty_forward,
    .backward = penalty_backward,
};
