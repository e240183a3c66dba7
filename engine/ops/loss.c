// SPDX-License-Identifier: MIT
//
// Losses: the mean of a function of each element and its target. The formulas are in
// shared/loss.h. x and its target are [n, c, h, w], the loss [1, groups, 1, 1].
//
// Forward is two calls: partial sums by at most LOSS_MAX_PARTIAL workgroups, then their
// sum. The number of workgroups depends on the shape only and nothing is added
// atomically, so the order of the sum, and its bits, are the same in every run.

#include "shared/loss.h"

#include "base/log.h"
#include "ops/op.h"

#include <assert.h>

// Elements an invocation should have before another workgroup is worth its partial sum.
#define ELEMENTS_EACH 8

_Static_assert(sizeof(struct loss_params) <= CALL_MAX_PARAMS, "push constants");
_Static_assert(sizeof(struct reduce_params) <= CALL_MAX_PARAMS, "push constants");
_Static_assert(REDUCE_WORKGROUP == OP_WORKGROUP, "sums are over whole workgroups");
_Static_assert(LOSS_L1 == (int)LOSS_KIND_L1 && LOSS_MSE == (int)LOSS_KIND_MSE &&
                   LOSS_BCE == (int)LOSS_KIND_BCE &&
                   LOSS_HINGE == (int)LOSS_KIND_HINGE &&
                   LOSS_MEAN == (int)LOSS_KIND_MEAN,
               "the kinds of the host and of the shaders are the same numbers");

static bool loss_infer(const struct op_node *n, struct op_shapes *shapes)
{
    // Hinge and mean have labels only: shared/loss.h has no df/dt of them.
    assert(!n->attr.loss.has_target || n->attr.loss.kind <= LOSS_KIND_BCE);
    if (n->attr.loss.has_target && !shape_equal(n->in[0]->shape, n->in[1]->shape)) {
        char a[SHAPE_TEXT_SIZE], b[SHAPE_TEXT_SIZE];
        log_error("loss: the shapes %s and %s of output and target differ",
                  shape_text(n->in[0]->shape, a), shape_text(n->in[1]->shape, b));
        return false;
    }
    const uint32_t groups = n->attr.loss.groups;
    if (groups == 0 || groups > LOSS_MAX_GROUPS || n->in[0]->shape.n % groups) {
        log_error("loss: %u samples cannot be split into %u equal groups",
                  (unsigned)n->in[0]->shape.n, (unsigned)groups);
        return false;
    }
    shapes->out = (struct shape){ 1, groups, 1, 1 };
    return true;
}

#define VIEW(member) CALL_VIEW(struct loss_params, member)

// A grid has the groups of samples along y, so that an invocation strides over its own
// group. The mean and the weight are one factor, computed in doubles.
static struct loss_params params_of(const struct op_node *n, struct grid grid)
{
    const struct loss_attributes attr = n->attr.loss;
    const uint64_t group = shape_count(n->in[0]->shape) / attr.groups;
    return (struct loss_params){
        .count = (uint32_t)group,
        .stride = grid_stride(grid) / grid.y,
        .run = shape_run(n->in[0]->shape),
        .group = (uint32_t)group,
        .label_first = attr.labels[0],
        .label_last = attr.labels[1],
        .factor = (float)((double)attr.weight / (double)group),
    };
}

static void loss_forward(struct emitter *e, const struct op_node *n)
{
    const struct loss_attributes attr = n->attr.loss;
    const uint64_t count = shape_count(n->in[0]->shape);
    const uint64_t most = DIV_UP(count / attr.groups, OP_WORKGROUP * ELEMENTS_EACH);
    const struct grid grid = { (uint32_t)MIN(most, LOSS_MAX_PARTIAL), attr.groups, 1 };
    struct tensor *partial = emit_temporary(
        e, "loss partial sums", (struct shape){ 1, attr.groups, 1, grid.x });

    const struct loss_params params = params_of(n, grid);
    emit_call(e, &(struct call){
                     .shader = SHADER_LOSS_FORWARD,
                     CALL_SPEC(OP_WORKGROUP, attr.kind, attr.has_target),
                     .use = { { n->in[0], ACCESS_READ, VIEW(x) },
                              { n->in[attr.has_target ? 1 : 0], ACCESS_READ, VIEW(t) },
                              { partial, ACCESS_WRITE } },
                     CALL_PARAMS(params),
                     .grid = grid,
                     .flops = (attr.kind == LOSS_KIND_BCE ? 24 : 3) * count,
                 });

    const struct reduce_params reduce = {
        .count = grid.x,
        .factor = params.factor,
    };
    emit_call(e, &(struct call){
                     .shader = SHADER_REDUCE_SUM,
                     CALL_SPEC(OP_WORKGROUP),
                     .use = { { partial, ACCESS_READ }, { n->out, ACCESS_WRITE } },
                     CALL_PARAMS(reduce),
                     .grid = { attr.groups, 1, 1 },
                     .flops = (uint64_t)grid.x * attr.groups,
                 });
}

void loss_emit_squares(struct emitter *e, struct tensor *x, struct tensor *sums)
{
    // Each sample is a group of its own, and the weight undoes the mean: the "loss" is
    // the sum of squared differences from zero.
    const struct op_node n = {
        .in = { x },
        .out = sums,
        .attr.loss = { .kind = LOSS_KIND_MSE,
                       .groups = x->shape.n,
                       .weight = (float)shape_run(x->shape) },
    };
    loss_forward(e, &n);
}

static void loss_backward(struct emitter *e, const struct op_node *n)
{
    const struct loss_attributes attr = n->attr.loss;
    // The loss is most often minimised itself or as a term of a sum. Then its gradient
    // is a number on the host, and the kernel has a binding less to read.
    float seed = 1.0f;
    const bool has_seed = !emit_output_constant(e, n->out, &seed);
    // The target may be a network's output as well. Where it is an image, emit_gradient
    // has no tensor for it and nothing is emitted.
    for (uint32_t side = 0; side < (attr.has_target ? 2u : 1u); side++) {
        const struct gradient dx = emit_gradient(e, n->in[side]);
        if (!dx.tensor)
            continue;

        struct tensor *x = emit_value(e, n->in[0]);
        const uint64_t count = shape_count(n->in[0]->shape);
        const struct grid grid = grid_linear(count);
        struct loss_params params = params_of(n, grid);
        params.count = (uint32_t)count;
        params.factor *= has_seed ? 1.0f : seed;
        params.accumulate = dx.accumulate;
        struct tensor *dloss = has_seed ? emit_output_gradient(e, n->out) : x;
        emit_call(
            e, &(struct call){
                   .shader = SHADER_LOSS_BACKWARD,
                   CALL_SPEC(OP_WORKGROUP, attr.kind, attr.has_target, side, has_seed),
                   // What is not read through bindings 1 and 2 is bound as t.
                   .use = { { x, ACCESS_READ, VIEW(x) },
                            { attr.has_target ? emit_value(e, n->in[1]) : x,
                              ACCESS_READ, VIEW(t) },
                            { dloss, ACCESS_READ, has_seed ? VIEW(dloss) : VIEW(x) },
                            { dx.tensor, dx.access, VIEW(dx) } },
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
