// SPDX-License-Identifier: MIT
//
// Batch and instance normalisation of x [n, c, h, w] with the statistics of the current
// batch, a leaky ReLU and dropout after it in the same pass. The formulas and the
// layout of the records are in shared/norm.h.
//
// saved[0] is one record for each group, [sections, c, 1, NORM_RECORD] of a batch norm,
// [n, c, 1, NORM_RECORD] of an instance norm; with running statistics there is none.
// Scale, shift and running statistics, [1, c, 1, 1] each, lie side by side in one
// tensor: forward needs all of them, and a kernel has four bindings only.

#include "shared/norm.h"
#include "shared/moments.h"

#include "base/log.h"
#include "ops/emitter.h"

#include <assert.h>

_Static_assert(sizeof(struct norm_params) <= CALL_MAX_PARAMS, "push constants");
_Static_assert(sizeof(struct norm_fixed_params) <= CALL_MAX_PARAMS, "push constants");
_Static_assert(sizeof(struct norm_follow_params) <= CALL_MAX_PARAMS, "push constants");
_Static_assert(sizeof(struct norm_affine_params) <= CALL_MAX_PARAMS, "push constants");

// The last one only where the statistics follow it.
enum norm_input { NORM_X, NORM_SCALE, NORM_IN_SHIFT, NORM_MOMENTS };

#define VIEW(member) CALL_VIEW(struct norm_params, member)

// The elements of a tensor by group, see shared/norm.h.
struct groups {
    uint32_t workgroups;
    uint32_t sections;    // groups of a workgroup
    uint32_t runs;        // samples of a group
    uint32_t run;         // elements of a sample of a group
    uint32_t each;        // groups of a channel
};

// A batch norm has one workgroup for a channel of all sections, because the running
// statistics follow the sections in turn.
static struct groups norm_groups(const struct op_node *n)
{
    const struct shape s = n->in[NORM_X]->shape;
    const uint32_t sections = MAX(n->attr.norm.sections, 1);
    if (n->attr.norm.kind == NORM_BATCH)
        return (struct groups){ s.c, sections, s.n / sections, s.h * s.w, sections };
    return (struct groups){ s.n * s.c, 1, 1, s.h * s.w, s.n };
}

static struct norm_weights *weights_of(const struct op_node *n)
{
    const struct tensor *scale = n->in[NORM_SCALE];
    return scale && scale->weight ? scale->weight->norm : NULL;
}

// Invocations of a workgroup: few where there is little to sum, since each sum over a
// workgroup costs barriers. The size decides the order of a sum, so it depends on
// nothing but the shape and the device.
static uint32_t workgroup_size(const struct op_limits *limits, const struct groups *g)
{
    uint64_t elements = (uint64_t)g->runs * g->run;
    if (limits->is_cpu)
        return elements <= 64 ? 8 : elements <= 1024 ? 32 : 128;
    if (elements <= 64)
        return 64;
    return elements <= 4096 || limits->max_invocations < REDUCE_WORKGROUP_MAX
               ? 128
               : REDUCE_WORKGROUP_MAX;
}

// Random bits below it make a zero of dropout.
static uint32_t threshold_of(const struct norm_attributes *a)
{
    return (uint32_t)((double)a->dropout * 4294967296.0);
}

// Workgroups beyond one row continue in the next: an axis has OP_MAX_GROUPS only.
static struct norm_params params_of(const struct op_node *n, const struct groups *g,
                                    struct grid *grid)
{
    const struct norm_attributes *a = &n->attr.norm;
    const uint32_t row = MIN(g->workgroups, OP_MAX_GROUPS);
    const double count = (double)g->runs * g->run;
    *grid = (struct grid){ row, DIV_UP(g->workgroups, row), 1 };
    return (struct norm_params){
        .groups = g->workgroups,
        .channels = n->in[NORM_X]->shape.c,
        .sections = g->sections,
        .runs = g->runs,
        .run = g->run,
        .row = row,
        .slope = a->slope,
        .threshold = threshold_of(a),
        .stream = a->stream,
        .first = a->first_sample * shape_run(n->in[NORM_X]->shape),
        .factor = (float)(1.0 / (1.0 - (double)a->dropout)),
        .epsilon = a->epsilon,
        .momentum = a->momentum,
        // Running variances are unbiased, those of the batch are not: as PyTorch.
        .unbiased = count > 1.0 ? (float)(count / (count - 1.0)) : 1.0f,
    };
}

static bool norm_infer(const struct op_node *n, struct op_shapes *shapes)
{
    const struct norm_attributes *a = &n->attr.norm;
    const struct shape x = n->in[NORM_X]->shape;
    assert(a->dropout >= 0.0f && a->dropout < 1.0f);
    if (n->in[NORM_SCALE] && !weights_of(n)) {
        log_error("norm: out of memory, or not a norm's weights");
        return false;
    }
    if (n->in[NORM_SCALE] && n->in[NORM_SCALE]->shape.c != x.c) {
        char x_text[SHAPE_TEXT_SIZE], text[SHAPE_TEXT_SIZE];
        log_error("norm: %s of shape %s does not match the channels of %s",
                  n->in[NORM_SCALE]->name, shape_text(n->in[NORM_SCALE]->shape, text),
                  shape_text(x, x_text));
        return false;
    }
    if (a->fixed && a->update_running) {
        log_error("norm: fixed statistics cannot be updated");
        return false;
    }
    if ((a->update_running || a->fixed) &&
        (!n->in[NORM_SCALE] || a->kind != NORM_BATCH)) {
        log_error("norm: running statistics are those of a batch norm with weights");
        return false;
    }
    const struct shape moments = { 1, x.c, 1, MOMENTS };
    if (n->in[NORM_MOMENTS] &&
        (!a->fixed || !shape_equal(n->in[NORM_MOMENTS]->shape, moments))) {
        log_error(
            "norm: statistics that follow are fixed ones, and those of one image");
        return false;
    }
    if (a->sections > 1 && (a->kind != NORM_BATCH || x.n % a->sections)) {
        log_error("norm: %u samples cannot be normalised in %u sections", (unsigned)x.n,
                  (unsigned)a->sections);
        return false;
    }
    shapes->out = x;
    if (a->fixed)
        return true;
    const struct groups g = norm_groups(n);
    // For backward, which fixed statistics do not have.
    shapes->saved[0] = (struct shape){ g.each, x.c, 1, NORM_RECORD };
    return true;
}

static void emit_follow(struct emitter *e, const struct op_node *n)
{
    struct norm_weights *weights = weights_of(n);
    const uint32_t channels = n->out->shape.c;
    const struct grid grid = grid_linear(channels);
    const struct norm_follow_params params = {
        .channels = channels,
        .stride = grid_stride(grid),
        .keep = n->attr.norm.keep,
        .mean = weights->mean_at,
        .variance = weights->variance_at,
    };
    emit_call(e, &(struct call){
                     .shader = SHADER_NORM_FOLLOW,
                     CALL_SPEC(OP_WORKGROUP),
                     .use = { { n->in[NORM_MOMENTS], ACCESS_READ },
                              { &weights->all, ACCESS_READ_WRITE } },
                     .uses_step = true,
                     CALL_PARAMS(params),
                     .grid = grid,
                     .flops = 6 * channels,
                 });
}

// No element depends on another here, so this is elementwise, whatever the batch.
static void emit_fixed(struct emitter *e, const struct op_node *n)
{
    const struct norm_attributes *a = &n->attr.norm;
    struct norm_weights *weights = weights_of(n);
    const struct shape s = n->out->shape;
    const struct grid grid = grid_linear(shape_count(s));
    const struct norm_fixed_params params = {
        .count = (uint32_t)shape_count(s),
        .stride = grid_stride(grid),
        .channels = s.c,
        .run = s.h * s.w,
        .slope = a->slope,
        .threshold = threshold_of(a),
        .stream = a->stream,
        .first = a->first_sample * shape_run(n->in[NORM_X]->shape),
        .factor = (float)(1.0 / (1.0 - (double)a->dropout)),
        .epsilon = a->epsilon,
        .shift = weights->shift_at,
        .mean = weights->mean_at,
        .variance = weights->variance_at,
    };
    emit_call(e, &(struct call){
                     .shader = SHADER_NORM_FIXED,
                     CALL_SPEC(OP_WORKGROUP, 0, 0, a->leaky, a->dropout > 0.0f),
                     .use = { { n->in[NORM_X], ACCESS_READ,
                                CALL_VIEW(struct norm_fixed_params, x) },
                              { &weights->all, ACCESS_READ },
                              { n->out, ACCESS_WRITE,
                                CALL_VIEW(struct norm_fixed_params, y) } },
                     .uses_step = true,
                     CALL_PARAMS(params),
                     .grid = grid,
                     .flops = (a->dropout > 0.0f ? 88 : 8) * shape_count(s),
                 });
}

static void norm_forward(struct emitter *e, const struct op_node *n)
{
    const struct norm_attributes *a = &n->attr.norm;
    if (a->fixed) {
        if (n->in[NORM_MOMENTS])
            emit_follow(e, n);
        emit_fixed(e, n);
        return;
    }
    struct norm_weights *weights = weights_of(n);
    const struct groups g = norm_groups(n);
    struct tensor *x = n->in[NORM_X];
    struct grid grid;
    struct norm_params params = params_of(n, &g, &grid);
    if (weights) {
        params.shift = weights->shift_at;
        params.mean = weights->mean_at;
        params.variance = weights->variance_at;
        params.flag = weights->part;
        // Weights for inference have no flags.
        assert(!a->update_running ||
               weights->variance_at > weights->mean_at + weights->part);
    }
    // Without weights their binding is not read, but has to hold something.
    emit_call(e, &(struct call){
                     .shader = SHADER_NORM_FORWARD,
                     CALL_SPEC(workgroup_size(emit_limits(e), &g), weights != NULL,
                               a->update_running, a->leaky, a->dropout > 0.0f),
                     .use = { { x, ACCESS_READ, VIEW(x) },
                              { weights ? &weights->all : n->saved[0],
                                weights ? ACCESS_READ_WRITE : ACCESS_WRITE },
                              { n->saved[0], ACCESS_WRITE },
                              { n->out, ACCESS_WRITE, VIEW(y) } },
                     .uses_step = true,
                     CALL_PARAMS(params),
                     .grid = grid,
                     .flops = (a->dropout > 0.0f ? 88 : 8) * shape_count(x->shape),
                 });
}

// Adds to the gradients of scale and shift what the records hold, and updates those
// that an optimiser waits for.
static void emit_affine(struct emitter *e, const struct op_node *n,
                        struct tensor *record)
{
    struct norm_weights *weights = weights_of(n);
    struct weight_gradient scale = emit_weight_gradient(e, &weights->scale->value);
    struct weight_gradient shift = emit_weight_gradient(e, &weights->shift->value);
    const struct shape channels = weights->scale->value.shape;
    const struct grid grid = grid_linear(channels.c);
    const struct groups g = norm_groups(n);
    struct norm_affine_params params = {
        .channels = channels.c,
        .stride = grid_stride(grid),
        .groups = g.each,
        .part = weights->part,
        .shift = weights->shift_at,
    };
    const uint64_t flops = 2ull * g.each * channels.c;
    // The usual case: no other node adds to these gradients, so one kernel goes from
    // the records to the new weights and the gradients need no memory.
    if (scale.state && shift.state && !scale.sum.tensor && !shift.sum.tensor) {
        params.adam = adam_rule(scale.optimizer);
        emit_call(e, &(struct call){
                         .shader = SHADER_NORM_UPDATE,
                         CALL_SPEC(OP_WORKGROUP),
                         .use = { { record, ACCESS_READ },
                                  { &weights->all, ACCESS_READ_WRITE } },
                         .uses_step = true,
                         CALL_PARAMS(params),
                         .grid = grid,
                         .flops = flops + 24ull * channels.c,
                     });
        return;
    }
    if (!scale.sum.tensor && !scale.state && !shift.sum.tensor && !shift.state)
        return;
    struct weight_gradient *const both[] = { &scale, &shift };
    struct weight *const owners[] = { weights->scale, weights->shift };
    struct call_use uses[2];
    for (int i = 0; i < 2; i++) {
        struct gradient *sum = &both[i]->sum;
        // One of the two can be updated at once and the other cannot. The kernel that
        // is left writes gradients, so the first gets its own after all.
        if (both[i]->state && !sum->tensor)
            *sum = (struct gradient){ &owners[i]->gradient, ACCESS_WRITE, 0 };
        // One kernel writes both; the one that nobody wants goes nowhere.
        if (!sum->tensor)
            *sum = (struct gradient){ emit_temporary(e, "unused", channels),
                                      ACCESS_WRITE, 0 };
        uses[i] = (struct call_use){ sum->tensor, sum->access };
    }
    params.accumulate_scale = scale.sum.accumulate;
    params.accumulate_shift = shift.sum.accumulate;
    emit_call(e, &(struct call){
                     .shader = SHADER_NORM_BACKWARD_AFFINE,
                     CALL_SPEC(OP_WORKGROUP),
                     .use = { { record, ACCESS_READ }, uses[0], uses[1] },
                     CALL_PARAMS(params),
                     .grid = grid,
                     .flops = flops,
                 });
    for (int i = 0; i < 2; i++)
        if (both[i]->state)
            optimizer_emit(e, owners[i], both[i]->optimizer);
}

static void norm_backward(struct emitter *e, const struct op_node *n)
{
    const struct norm_attributes *a = &n->attr.norm;
    if (a->fixed) {
        log_error("%s: a network with fixed statistics cannot be trained", n->label);
        e->failed = true;
        return;
    }
    struct tensor *x = emit_value(e, n->in[NORM_X]), *record = emit_saved(e, n, 0);
    struct gradient dx = emit_gradient(e, n->in[NORM_X]);
    // The same kernel has the sums for scale and shift, so it runs where nobody needs
    // dx.
    if (!dx.tensor)
        dx =
            (struct gradient){ emit_temporary(e, "unused", x->shape), ACCESS_WRITE, 0 };
    const struct groups g = norm_groups(n);
    struct grid grid;
    struct norm_params params = params_of(n, &g, &grid);
    params.accumulate = dx.accumulate;
    emit_call(e, &(struct call){
                     .shader = SHADER_NORM_BACKWARD,
                     CALL_SPEC(workgroup_size(emit_limits(e), &g), 0, 0, a->leaky,
                               a->dropout > 0.0f),
                     .use = { { emit_output_gradient(e, n->out), ACCESS_READ, VIEW(y) },
                              { x, ACCESS_READ, VIEW(x) },
                              { record, ACCESS_READ_WRITE },
                              { dx.tensor, dx.access, VIEW(dx) } },
                     .uses_step = true,
                     CALL_PARAMS(params),
                     .grid = grid,
                     .flops = (a->dropout > 0.0f ? 172 : 12) * shape_count(x->shape),
                 });
}

static void norm_backward_weights(struct emitter *e, const struct op_node *n)
{
    if (n->in[NORM_SCALE])
        emit_affine(e, n, emit_saved(e, n, 0));
}

const struct op op_norm = {
    .name = "norm",
    .infer = norm_infer,
    .forward = norm_forward,
    .backward = norm_backward,
    .backward_weights = norm_backward_weights,
};
