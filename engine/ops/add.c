// SPDX-License-Identifier: MIT
//
// Sums, scaled copies, and detach, which is an alias without a gradient. The formulas
// are in shared/add.h.

#include "shared/add.h"

#include "base/log.h"
#include "ops/op.h"

_Static_assert(sizeof(struct add_params) <= CALL_MAX_PARAMS, "push constants");

// y = a * x, plus z unless it is NULL, into or onto y.
static void add_emit(struct emitter *e, struct tensor *x, float a, struct tensor *z,
                     struct gradient y)
{
    const struct grid grid = grid_linear(shape_count(y.tensor->shape));
    const struct add_params params = {
        .count = (uint32_t)shape_count(y.tensor->shape),
        .stride = grid_stride(grid),
        .run = shape_run(y.tensor->shape),
        .a = a,
        .b = 1.0f,
        .accumulate = y.accumulate,
    };
    emit_call(e,
              &(struct call){
                  .shader = SHADER_ADD,
                  CALL_SPEC(OP_WORKGROUP, z ? 2 : 1),
                  .use = { { x, ACCESS_READ, CALL_VIEW(struct add_params, x) },
                           // Not read with one term.
                           { z ? z : x, ACCESS_READ, CALL_VIEW(struct add_params, z) },
                           { y.tensor, y.access, CALL_VIEW(struct add_params, y) } },
                  CALL_PARAMS(params),
                  .grid = grid,
                  .flops = 2ull * params.count,
              });
}

// Nothing is broadcast: both inputs have the output's shape [n, c, h, w].
static bool add_infer(const struct op_node *n, struct op_shapes *shapes)
{
    if (!shape_equal(n->in[0]->shape, n->in[1]->shape)) {
        char a[SHAPE_TEXT_SIZE], b[SHAPE_TEXT_SIZE];
        log_error("add: the shapes %s and %s differ", shape_text(n->in[0]->shape, a),
                  shape_text(n->in[1]->shape, b));
        return false;
    }
    shapes->out = n->in[0]->shape;
    return true;
}

static void add_forward(struct emitter *e, const struct op_node *n)
{
    add_emit(e, n->in[0], 1.0f, n->in[1], (struct gradient){ n->out, ACCESS_WRITE });
}

// Input i gets the output's gradient times factor. A gradient that is one number, as
// below a sum of losses, is passed on as a number, and no call is emitted. x + x works:
// its second pass adds to the first.
static void pass_back(struct emitter *e, const struct op_node *n, uint32_t i,
                      float factor)
{
    float constant;
    if (emit_output_constant(e, n->out, &constant) &&
        emit_gradient_constant(e, n->in[i], factor * constant))
        return;
    const struct gradient dx = emit_gradient(e, n->in[i]);
    if (dx.tensor)
        add_emit(e, emit_output_gradient(e, n->out), factor, NULL, dx);
}

static void add_backward(struct emitter *e, const struct op_node *n)
{
    pass_back(e, n, 0, 1.0f);
    pass_back(e, n, 1, 1.0f);
}

static bool same_infer(const struct op_node *n, struct op_shapes *shapes)
{
    shapes->out = n->in[0]->shape;
    return true;
}

static void scale_forward(struct emitter *e, const struct op_node *n)
{
    add_emit(e, n->in[0], n->attr.scale, NULL,
             (struct gradient){ n->out, ACCESS_WRITE });
}

static void scale_backward(struct emitter *e, const struct op_node *n)
{
    pass_back(e, n, 0, n->attr.scale);
}

// The output is the input itself.
static void detach_forward(struct emitter *e, const struct op_node *n)
{
    (void)e;
    (void)n;
}

const struct op op_add = {
    .name = "add",
    .infer = add_infer,
    .forward = add_forward,
    .backward = add_backward,
};

const struct op op_scale = {
    .name = "scale",
    .infer = same_infer,
    .forward = scale_forward,
    .backward = scale_backward,
};

// Without a backward the path of gradients ends here, see mark_path in
// graph/gradient.c.
const struct op op_detach = {
    .name = "detach",
    .infer = same_infer,
    .forward = detach_forward,
};
