// SPDX-License-Identifier: MIT
//
// The distance of two maps of features: a and b [n, c, h, w] and weights w [1, c, 1, 1]
// -> [n, 1, 1, 1]. The formulas are in shared/distance.h.
//
// Forward is two calls, as that of a loss: partial sums, then those of each sample. The
// number of workgroups depends on the shape only, so that the bits are the same in
// every run. Backward is two as well, since w and dy together with a, b and what is
// written would be one buffer more than Vulkan guarantees.

#include "shared/distance.h"

#include "base/log.h"
#include "ops/op.h"

// Elements an invocation should have before another workgroup is worth its partial sum.
#define ELEMENTS_EACH 8

_Static_assert(sizeof(struct distance_params) <= CALL_MAX_PARAMS, "push constants");
_Static_assert(sizeof(struct distance_factors_params) <= CALL_MAX_PARAMS,
               "push constants");
_Static_assert(REDUCE_WORKGROUP == OP_WORKGROUP, "sums are over whole workgroups");

static bool distance_infer(const struct op_node *n, struct op_shapes *shapes)
{
    const struct shape a = n->in[0]->shape, b = n->in[1]->shape, w = n->in[2]->shape;
    char a_text[SHAPE_TEXT_SIZE], b_text[SHAPE_TEXT_SIZE];
    shape_text(a, a_text);
    if (!shape_equal(a, b)) {
        log_error("distance: the shapes %s and %s differ", a_text,
                  shape_text(b, b_text));
        return false;
    }
    if (w.c != a.c || shape_count(w) != w.c) {
        log_error("distance: the weights %s do not fit the shape %s",
                  shape_text(w, b_text), a_text);
        return false;
    }
    // A row of workgroups has a sample.
    if (a.n > OP_MAX_GROUPS) {
        log_error("distance: %u samples are too many, %d are possible: lower the batch "
                  "size",
                  (unsigned)a.n, OP_MAX_GROUPS);
        return false;
    }
    shapes->out = (struct shape){ a.n, 1, 1, 1 };
    return true;
}

#define VIEW(member) CALL_VIEW(struct distance_params, member)

static void distance_forward(struct emitter *e, const struct op_node *n)
{
    const struct shape s = n->in[0]->shape;
    const uint64_t run = shape_run(s);
    const uint64_t most = DIV_UP(run, OP_WORKGROUP * ELEMENTS_EACH);
    const struct grid grid = { (uint32_t)MIN(most, DISTANCE_MAX_PARTIAL), s.n, 1 };
    struct tensor *partial =
        emit_temporary(e, "distance partial sums", (struct shape){ 1, s.n, 1, grid.x });
    const struct distance_params params = {
        .count = (uint32_t)run,
        .stride = grid.x * OP_WORKGROUP,
        .run = (uint32_t)run,
        .plane = s.h * s.w,
    };
    emit_call(e, &(struct call){
                     .shader = SHADER_DISTANCE_FORWARD,
                     CALL_SPEC(OP_WORKGROUP),
                     .use = { { n->in[0], ACCESS_READ, VIEW(a) },
                              { n->in[1], ACCESS_READ, VIEW(b) },
                              { n->in[2], ACCESS_READ },
                              { partial, ACCESS_WRITE } },
                     CALL_PARAMS(params),
                     .grid = grid,
                     .flops = 4 * shape_count(s),
                 });

    const struct reduce_params reduce = {
        .count = grid.x,
        .factor = (float)(1.0 / params.plane),
    };
    emit_call(e, &(struct call){
                     .shader = SHADER_REDUCE_SUM,
                     CALL_SPEC(OP_WORKGROUP),
                     .use = { { partial, ACCESS_READ }, { n->out, ACCESS_WRITE } },
                     CALL_PARAMS(reduce),
                     .grid = { s.n, 1, 1 },
                     .flops = (uint64_t)grid.x * s.n,
                 });
}

// 2 w dy / (h w), [n, c, 1, 1], or [1, c, 1, 1] where dy is one number.
static struct tensor *emit_factors(struct emitter *e, const struct op_node *n)
{
    const struct shape s = n->in[0]->shape;
    float seed = 1.0f;
    const bool has_seed = !emit_output_constant(e, n->out, &seed);
    const struct shape shape = { has_seed ? s.n : 1, s.c, 1, 1 };
    const struct grid grid = grid_linear(shape_count(shape));
    struct tensor *w = emit_value(e, n->in[2]);
    struct tensor *factors = emit_temporary(e, "distance factors", shape);
    const struct distance_factors_params params = {
        .count = (uint32_t)shape_count(shape),
        .stride = grid_stride(grid),
        .channels = s.c,
        .factor = (float)(2.0 * (has_seed ? 1.0 : (double)seed) / ((double)s.h * s.w)),
    };
    const uint32_t view = CALL_VIEW(struct distance_factors_params, dy);
    emit_call(e, &(struct call){
                     .shader = SHADER_DISTANCE_FACTORS,
                     CALL_SPEC(OP_WORKGROUP, has_seed),
                     // Without a seed dy is not read; w is bound in its place.
                     .use = { { w, ACCESS_READ },
                              { has_seed ? emit_output_gradient(e, n->out) : w,
                                ACCESS_READ, view },
                              { factors, ACCESS_WRITE } },
                     CALL_PARAMS(params),
                     .grid = grid,
                     .flops = 2ull * params.count,
                 });
    return factors;
}

static void distance_backward(struct emitter *e, const struct op_node *n)
{
    const struct shape s = n->in[0]->shape;
    const uint64_t count = shape_count(s);
    const struct grid grid = grid_linear(count);
    struct tensor *factors = NULL;
    for (uint32_t side = 0; side < 2; side++) {
        const struct gradient dx = emit_gradient(e, n->in[side]);
        if (!dx.tensor)
            continue;
        if (!factors)
            factors = emit_factors(e, n);
        if (!factors)
            return;    // out of memory
        const struct distance_params params = {
            .count = (uint32_t)count,
            .stride = grid_stride(grid),
            .run = shape_run(s),
            .plane = s.h * s.w,
            .each = factors->shape.n > 1,
            .sign = side == 0 ? 1.0f : -1.0f,
            .accumulate = dx.accumulate,
        };
        emit_call(e, &(struct call){
                         .shader = SHADER_DISTANCE_BACKWARD,
                         CALL_SPEC(OP_WORKGROUP),
                         .use = { { emit_value(e, n->in[0]), ACCESS_READ, VIEW(a) },
                                  { emit_value(e, n->in[1]), ACCESS_READ, VIEW(b) },
                                  { factors, ACCESS_READ },
                                  { dx.tensor, dx.access, VIEW(dx) } },
                         CALL_PARAMS(params),
                         .grid = grid,
                         .flops = 3 * count,
                     });
    }
}

const struct op op_distance = {
    .name = "distance",
    .infer = distance_infer,
    .forward = distance_forward,
    .backward = distance_backward,
    .constant = 1 << 2,
};
