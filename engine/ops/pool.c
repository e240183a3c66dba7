// SPDX-License-Identifier: MIT
//
// Max pooling, [n, c, h, w] -> [n, c, h', w']. The formulas are in shared/pool.h.
// Backward gathers from the windows that an element may be the maximum of, which it
// finds again: forward leaves nothing behind.

#include "shared/pool.h"

#include "base/log.h"
#include "ops/op.h"

_Static_assert(sizeof(struct pool_params) <= CALL_MAX_PARAMS, "push constants");

// Windows along a side; 0: it is smaller than one. With `ceil` the last one may reach
// over the end, but must not begin behind it.
static uint32_t windows(const struct pool_attributes *a, uint32_t side)
{
    const uint64_t reach = (uint64_t)side + (a->ceil ? a->stride - 1 : 0);
    if (reach < a->kernel)
        return 0;
    const uint64_t count = (reach - a->kernel) / a->stride + 1;
    return (uint32_t)(count - ((count - 1) * a->stride >= side));
}

static bool pool_infer(const struct op_node *n, struct op_shapes *shapes)
{
    const struct pool_attributes *a = &n->attr.pool;
    const struct shape x = n->in[0]->shape;
    char text[SHAPE_TEXT_SIZE];
    if (a->kernel == 0 || a->stride == 0) {
        log_error("pool: a kernel of %u with stride %u is not possible; both are at "
                  "least 1",
                  (unsigned)a->kernel, (unsigned)a->stride);
        return false;
    }
    shapes->out = (struct shape){ x.n, x.c, windows(a, x.h), windows(a, x.w) };
    if (shapes->out.h && shapes->out.w)
        return true;
    log_error("pool: the input %s is smaller than the window of %ux%u",
              shape_text(x, text), (unsigned)a->kernel, (unsigned)a->kernel);
    return false;
}

static struct pool_params params_of(const struct op_node *n, struct grid grid,
                                    struct shape written)
{
    return (struct pool_params){
        .count = (uint32_t)shape_count(written),
        .stride = grid_stride(grid),
        .h = n->in[0]->shape.h,
        .w = n->in[0]->shape.w,
        .h_out = n->out->shape.h,
        .w_out = n->out->shape.w,
        .channels = n->in[0]->shape.c,
    };
}

#define VIEW(member) CALL_VIEW(struct pool_params, member)

static void pool_forward(struct emitter *e, const struct op_node *n)
{
    const struct pool_attributes *a = &n->attr.pool;
    const struct grid grid = grid_linear(shape_count(n->out->shape));
    const struct pool_params params = params_of(n, grid, n->out->shape);
    emit_call(e, &(struct call){
                     .shader = SHADER_POOL_FORWARD,
                     CALL_SPEC(OP_WORKGROUP, a->kernel, a->stride),
                     .use = { { n->in[0], ACCESS_READ, VIEW(x) },
                              { n->out, ACCESS_WRITE, VIEW(y) } },
                     CALL_PARAMS(params),
                     .grid = grid,
                     .flops = (uint64_t)params.count * a->kernel * a->kernel,
                 });
}

static void pool_backward(struct emitter *e, const struct op_node *n)
{
    const struct pool_attributes *a = &n->attr.pool;
    const struct gradient dx = emit_gradient(e, n->in[0]);
    if (!dx.tensor)
        return;
    const struct grid grid = grid_linear(shape_count(dx.tensor->shape));
    struct pool_params params = params_of(n, grid, dx.tensor->shape);
    params.accumulate = dx.accumulate;
    // Each window is searched for every element that it has.
    const uint64_t window = (uint64_t)a->kernel * a->kernel;
    emit_call(e, &(struct call){
                     .shader = SHADER_POOL_BACKWARD,
                     CALL_SPEC(OP_WORKGROUP, a->kernel, a->stride),
                     .use = { { emit_value(e, n->in[0]), ACCESS_READ, VIEW(x) },
                              { emit_output_gradient(e, n->out), ACCESS_READ, VIEW(y) },
                              { dx.tensor, dx.access, VIEW(dx) } },
                     CALL_PARAMS(params),
                     .grid = grid,
                     .flops = shape_count(n->out->shape) * window * window,
                 });
}

const struct op op_pool = {
    .name = "pool",
    .infer = pool_infer,
    .forward = pool_forward,
    .backward = pool_backward,
};
