// SPDX-License-Identifier: MIT
//
// Batch and instance normalisation with the statistics of the batch in hand. The
// formulas and the layout of the records are in shared/norm.h. saved[0] is one record
// for each group: a channel, or a channel of one sample.

#include "shared/norm.h"

#include "base/log.h"
#include "ops/op.h"

_Static_assert(sizeof(struct norm_statistics_params) <= CALL_MAX_PARAMS,
               "push constants");
_Static_assert(sizeof(struct norm_params) <= CALL_MAX_PARAMS, "push constants");
_Static_assert(sizeof(struct norm_channel_params) <= CALL_MAX_PARAMS, "push constants");
_Static_assert(REDUCE_WORKGROUP == OP_WORKGROUP, "sums are over whole workgroups");

enum norm_input {
    NORM_X,
    NORM_IN_SCALE,
    NORM_IN_SHIFT,
    NORM_IN_MEAN,
    NORM_IN_VARIANCE
};

// The elements of a tensor by group, see shared/norm.h.
struct groups {
    uint32_t count;      // groups
    uint32_t runs;       // of a group
    uint32_t run;        // elements of a run
    uint32_t samples;    // groups of a channel
};

static struct groups norm_groups(const struct op_node *n)
{
    const struct shape s = n->in[NORM_X]->shape;
    if (n->attr.norm.kind == NORM_BATCH)
        return (struct groups){ s.c, s.n, s.h * s.w, 1 };
    return (struct groups){ s.n * s.c, 1, s.h * s.w, s.n };
}

static struct norm_statistics_params statistics_params(const struct op_node *n,
                                                       struct grid *grid)
{
    const struct groups g = norm_groups(n);
    const uint32_t row = MIN(g.count, OP_MAX_GROUPS);
    *grid = (struct grid){ row, DIV_UP(g.count, row), 1 };
    return (struct norm_statistics_params){
        .groups = g.count,
        .channels = n->in[NORM_X]->shape.c,
        .runs = g.runs,
        .run = g.run,
        .row = row,
        .epsilon = n->attr.norm.epsilon,
    };
}

static struct norm_params elementwise_params(const struct op_node *n, struct grid *grid)
{
    const struct groups g = norm_groups(n);
    const uint64_t count = shape_count(n->in[NORM_X]->shape);
    *grid = grid_linear(count);
    return (struct norm_params){
        .count = (uint32_t)count,
        .stride = grid_stride(*grid),
        .groups = g.count,
        .run = g.run,
        .inverse_count = (float)(1.0 / ((double)g.runs * g.run)),
    };
}

static struct norm_channel_params channel_params(const struct op_node *n,
                                                 struct grid *grid)
{
    const struct groups g = norm_groups(n);
    const double count = (double)g.runs * g.run;
    *grid = grid_linear(n->in[NORM_X]->shape.c);
    return (struct norm_channel_params){
        .channels = n->in[NORM_X]->shape.c,
        .stride = grid_stride(*grid),
        .samples = g.samples,
        .momentum = n->attr.norm.momentum,
        .unbiased = count > 1.0 ? (float)(count / (count - 1.0)) : 1.0f,
    };
}

static bool norm_infer(const struct op_node *n, struct op_shapes *shapes)
{
    const struct shape x = n->in[NORM_X]->shape;
    const struct shape channels = { 1, x.c, 1, 1 };
    for (uint32_t i = NORM_IN_SCALE; i <= NORM_IN_VARIANCE; i++) {
        if (n->in[i] && !shape_equal(n->in[i]->shape, channels)) {
            char x_text[SHAPE_TEXT_SIZE], text[SHAPE_TEXT_SIZE];
            log_error("norm: %s of shape %s does not go with the channels of %s",
                      n->in[i]->name, shape_text(n->in[i]->shape, text),
                      shape_text(x, x_text));
            return false;
        }
    }
    if (!n->in[NORM_IN_SCALE] != !n->in[NORM_IN_SHIFT] ||
        !n->in[NORM_IN_MEAN] != !n->in[NORM_IN_VARIANCE] ||
        (n->attr.norm.update_running && !n->in[NORM_IN_MEAN])) {
        log_error("norm: scale and shift, and the running mean and variance, are given "
                  "both or not at all");
        return false;
    }
    shapes->out = x;
    shapes->saved[0] = (struct shape){ 1, norm_groups(n).count, 1, NORM_RECORD };
    return true;
}

static void norm_forward(struct emitter *e, const struct op_node *n)
{
    struct tensor *x = n->in[NORM_X], *record = n->saved[0];
    const bool has_affine = n->in[NORM_IN_SCALE] != NULL;
    const uint64_t count = shape_count(x->shape);
    struct grid grid;

    const struct norm_statistics_params statistics = statistics_params(n, &grid);
    emit(e, &(struct call){
                .shader = SHADER_NORM_STATISTICS,
                CALL_SPEC(OP_WORKGROUP, has_affine),
                // Without an affine, bindings 1 and 2 are not read.
                .use = { { x, ACCESS_READ },
                         { has_affine ? n->in[NORM_IN_SCALE] : x, ACCESS_READ },
                         { has_affine ? n->in[NORM_IN_SHIFT] : x, ACCESS_READ },
                         { record, ACCESS_WRITE } },
                CALL_PARAMS(statistics),
                .grid = grid,
                .flops = 5 * count,
            });

    if (n->attr.norm.update_running) {
        const struct norm_channel_params running = channel_params(n, &grid);
        emit(e, &(struct call){
                    .shader = SHADER_NORM_RUNNING,
                    CALL_SPEC(OP_WORKGROUP),
                    .use = { { record, ACCESS_READ },
                             { n->in[NORM_IN_MEAN], ACCESS_READ_WRITE },
                             { n->in[NORM_IN_VARIANCE], ACCESS_READ_WRITE } },
                    CALL_PARAMS(running),
                    .grid = grid,
                    .flops = 8ull * running.channels,
                });
    }

    const struct norm_params params = elementwise_params(n, &grid);
    emit(e, &(struct call){
                .shader = SHADER_NORM_FORWARD,
                CALL_SPEC(OP_WORKGROUP),
                .use = { { x, ACCESS_READ },
                         { record, ACCESS_READ },
                         { n->out, ACCESS_WRITE } },
                CALL_PARAMS(params),
                .grid = grid,
                .flops = 3 * count,
            });
}

static void norm_backward(struct emitter *e, const struct op_node *n)
{
    const bool has_affine = n->in[NORM_IN_SCALE] != NULL;
    const struct gradient none = { NULL, ACCESS_WRITE, 0 };
    const struct gradient dx = emit_gradient(e, n->in[NORM_X]);
    struct gradient dscale = has_affine ? emit_gradient(e, n->in[NORM_IN_SCALE]) : none;
    struct gradient dshift = has_affine ? emit_gradient(e, n->in[NORM_IN_SHIFT]) : none;
    if (!dx.tensor && !dscale.tensor && !dshift.tensor)
        return;

    struct tensor *x = emit_value(e, n->in[NORM_X]);
    struct tensor *dy = emit_output_gradient(e, n->out);
    const uint64_t count = shape_count(x->shape);
    struct grid grid;

    const struct norm_statistics_params statistics = statistics_params(n, &grid);
    struct tensor *record =
        emit_temporary(e, "norm backward record",
                       (struct shape){ 1, statistics.groups, 1, NORM_BACKWARD_RECORD });
    emit(e, &(struct call){
                .shader = SHADER_NORM_BACKWARD_STATISTICS,
                CALL_SPEC(OP_WORKGROUP),
                .use = { { dy, ACCESS_READ },
                         { x, ACCESS_READ },
                         { emit_saved(e, n, 0), ACCESS_READ },
                         { record, ACCESS_WRITE } },
                CALL_PARAMS(statistics),
                .grid = grid,
                .flops = 5 * count,
            });

    if (dx.tensor) {
        struct norm_params params = elementwise_params(n, &grid);
        params.accumulate = dx.accumulate;
        emit(e, &(struct call){
                    .shader = SHADER_NORM_BACKWARD,
                    CALL_SPEC(OP_WORKGROUP),
                    .use = { { dy, ACCESS_READ },
                             { x, ACCESS_READ },
                             { record, ACCESS_READ },
                             { dx.tensor, dx.access } },
                    CALL_PARAMS(params),
                    .grid = grid,
                    .flops = 7 * count,
                });
    }

    if (dscale.tensor || dshift.tensor) {
        // One kernel writes both; the one that nobody wants goes nowhere.
        const struct shape channels = n->in[NORM_IN_SCALE]->shape;
        if (!dscale.tensor)
            dscale.tensor = emit_temporary(e, "unused dscale", channels);
        if (!dshift.tensor)
            dshift.tensor = emit_temporary(e, "unused dshift", channels);
        struct norm_channel_params params = channel_params(n, &grid);
        params.accumulate_scale = dscale.accumulate;
        params.accumulate_shift = dshift.accumulate;
        emit(e, &(struct call){
                    .shader = SHADER_NORM_BACKWARD_AFFINE,
                    CALL_SPEC(OP_WORKGROUP),
                    .use = { { record, ACCESS_READ },
                             { dscale.tensor, dscale.access },
                             { dshift.tensor, dshift.access } },
                    CALL_PARAMS(params),
                    .grid = grid,
                    .flops = 2ull * params.samples * params.channels,
                });
    }
}

const struct op op_norm = {
    .name = "norm",
    .infer = norm_infer,
    .forward = norm_forward,
    .backward = norm_backward,
};
