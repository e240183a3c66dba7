// SPDX-License-Identifier: MIT
//
// Classes of pixels: the probabilities of logits, [n, c, h, w] -> [n, c, h, w], and
// their cross entropy with a target, x and t [n, c, h, w] -> [1, 1, 1, 1]. The formulas
// are in shared/softmax.h. No gradient reaches the target.

#include "shared/softmax.h"
#include "shared/reduce.h"

#include "base/log.h"
#include "ops/op.h"

// Pixels that an invocation should have before another workgroup is worth its partial
// sum. There is no other limit to them: an invocation goes through 64 channels for
// each, and lavapipe ends loops after 65535 iterations.
#define PIXELS_EACH 8

_Static_assert(sizeof(struct softmax_params) <= CALL_MAX_PARAMS, "push constants");
_Static_assert(sizeof(struct cross_entropy_params) <= CALL_MAX_PARAMS,
               "push constants");

static uint32_t pixels_of(struct shape s)
{
    return s.n * s.h * s.w;
}

// ---------------------------------------------------------------------------
// Softmax

#define VIEW(member) CALL_VIEW(struct softmax_params, member)

static bool softmax_infer(const struct op_node *n, struct op_shapes *shapes)
{
    shapes->out = n->in[0]->shape;
    return true;
}

static struct softmax_params softmax_params_of(struct shape s)
{
    return (struct softmax_params){
        .count = pixels_of(s),
        .stride = grid_stride(grid_linear(pixels_of(s))),
        .channels = s.c,
        .plane = s.h * s.w,
    };
}

static void softmax_forward(struct emitter *e, const struct op_node *n)
{
    const struct shape s = n->out->shape;
    const struct softmax_params params = softmax_params_of(s);
    emit_call(e, &(struct call){
                     .shader = SHADER_SOFTMAX_FORWARD,
                     CALL_SPEC(OP_WORKGROUP),
                     .use = { { n->in[0], ACCESS_READ, VIEW(x) },
                              { n->out, ACCESS_WRITE, VIEW(y) } },
                     CALL_PARAMS(params),
                     .grid = grid_linear(pixels_of(s)),
                     .flops = 25 * shape_count(s),
                 });
}

static void softmax_backward(struct emitter *e, const struct op_node *n)
{
    const struct shape s = n->out->shape;
    const struct gradient dx = emit_gradient(e, n->in[0]);
    if (!dx.tensor)
        return;
    struct softmax_params params = softmax_params_of(s);
    params.accumulate = dx.accumulate;
    emit_call(e,
              &(struct call){
                  .shader = SHADER_SOFTMAX_BACKWARD,
                  CALL_SPEC(OP_WORKGROUP),
                  .use = { { emit_value(e, n->out), ACCESS_READ, VIEW(y) },
                           { emit_output_gradient(e, n->out), ACCESS_READ, VIEW(dy) },
                           { dx.tensor, dx.access, VIEW(x) } },
                  CALL_PARAMS(params),
                  .grid = grid_linear(pixels_of(s)),
                  .flops = 7 * shape_count(s),
              });
}

#undef VIEW

// ---------------------------------------------------------------------------
// Cross entropy

#define VIEW(member) CALL_VIEW(struct cross_entropy_params, member)

static bool cross_entropy_infer(const struct op_node *n, struct op_shapes *shapes)
{
    if (!shape_equal(n->in[0]->shape, n->in[1]->shape)) {
        char x[SHAPE_TEXT_SIZE], t[SHAPE_TEXT_SIZE];
        log_error("cross_entropy: the shapes %s and %s of logits and target differ",
                  shape_text(n->in[0]->shape, x), shape_text(n->in[1]->shape, t));
        return false;
    }
    shapes->out = (struct shape){ 1, 1, 1, 1 };
    return true;
}

// The mean and the weight are one factor, computed in doubles.
static struct cross_entropy_params cross_entropy_params_of(const struct op_node *n,
                                                           struct grid grid)
{
    const struct shape s = n->in[0]->shape;
    return (struct cross_entropy_params){
        .count = pixels_of(s),
        .stride = grid_stride(grid),
        .channels = s.c,
        .plane = s.h * s.w,
        .factor = (float)((double)n->attr.cross_entropy / pixels_of(s)),
    };
}

static void cross_entropy_forward(struct emitter *e, const struct op_node *n)
{
    const struct shape s = n->in[0]->shape;
    const uint32_t most = DIV_UP(pixels_of(s), OP_WORKGROUP * PIXELS_EACH);
    const struct grid grid = { MIN(most, OP_MAX_GROUPS), 1, 1 };
    struct tensor *partial = emit_temporary(e, "cross entropy partial sums",
                                            (struct shape){ 1, 1, 1, grid.x });
    const struct cross_entropy_params params = cross_entropy_params_of(n, grid);
    emit_call(e, &(struct call){
                     .shader = SHADER_CROSS_ENTROPY_FORWARD,
                     CALL_SPEC(OP_WORKGROUP),
                     .use = { { n->in[0], ACCESS_READ, VIEW(x) },
                              { n->in[1], ACCESS_READ, VIEW(t) },
                              { partial, ACCESS_WRITE } },
                     CALL_PARAMS(params),
                     .grid = grid,
                     .flops = 16 * shape_count(s),
                 });
    const struct reduce_params reduce = { .count = grid.x, .factor = params.factor };
    emit_call(e, &(struct call){
                     .shader = SHADER_REDUCE_SUM,
                     CALL_SPEC(OP_WORKGROUP),
                     .use = { { partial, ACCESS_READ }, { n->out, ACCESS_WRITE } },
                     CALL_PARAMS(reduce),
                     .grid = { 1, 1, 1 },
                     .flops = grid.x,
                 });
}

static void cross_entropy_backward(struct emitter *e, const struct op_node *n)
{
    // As a term of what is minimised its gradient is a number on the host.
    float seed = 1.0f;
    const bool has_seed = !emit_output_constant(e, n->out, &seed);
    const struct gradient dx = emit_gradient(e, n->in[0]);
    if (!dx.tensor)
        return;
    struct tensor *x = emit_value(e, n->in[0]);
    const struct grid grid = grid_linear(pixels_of(x->shape));
    struct cross_entropy_params params = cross_entropy_params_of(n, grid);
    params.factor *= has_seed ? 1.0f : seed;
    params.accumulate = dx.accumulate;
    struct tensor *dloss = has_seed ? emit_output_gradient(e, n->out) : x;
    emit_call(e, &(struct call){
                     .shader = SHADER_CROSS_ENTROPY_BACKWARD,
                     CALL_SPEC(OP_WORKGROUP, has_seed),
                     .use = { { x, ACCESS_READ, VIEW(x) },
                              { emit_value(e, n->in[1]), ACCESS_READ, VIEW(t) },
                              { dloss, ACCESS_READ, has_seed ? VIEW(dloss) : VIEW(x) },
                              { dx.tensor, dx.access, VIEW(dx) } },
                     CALL_PARAMS(params),
                     .grid = grid,
                     .flops = 20 * shape_count(x->shape),
                 });
}

#undef VIEW

const struct op op_softmax = {
    .name = "softmax",
    .infer = softmax_infer,
    .forward = softmax_forward,
    .backward = softmax_backward,
};

const struct op op_cross_entropy = {
    .name = "cross_entropy",
    .infer = cross_entropy_infer,
    .forward = cross_entropy_forward,
    .backward = cross_entropy_backward,
    .constant = 1 << 1,
};
