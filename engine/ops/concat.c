// SPDX-License-Identifier: MIT
//
// Joins two tensors along their channels; backward takes the gradient apart. Both are
// copies of a range of channels, see shared/concat.h.

#include "shared/concat.h"

#include "base/log.h"
#include "ops/op.h"

_Static_assert(sizeof(struct concat_params) <= CALL_MAX_PARAMS, "push constants");

// Elements of one sample.
static uint32_t sample_count(const struct tensor *t)
{
    return (uint32_t)(shape_count(t->shape) / t->shape.n);
}

// Copies all of the smaller of two tensors to or from the place of its channels in the
// larger one, which starts `first` elements into each sample.
static void copy_emit(struct emitter *e, struct tensor *from, uint32_t from_first,
                      struct gradient to, uint32_t to_first)
{
    const uint32_t from_sample = sample_count(from);
    const uint32_t to_sample = sample_count(to.tensor);
    const uint32_t inner = MIN(from_sample, to_sample);
    const uint32_t count = inner * from->shape.n;
    const struct grid grid = grid_linear(count);
    const struct concat_params params = {
        .count = count,
        .stride = grid_stride(grid),
        .inner = inner,
        .from_sample = from_sample,
        .from_first = from_first,
        .to_sample = to_sample,
        .to_first = to_first,
        .accumulate = to.accumulate,
    };
    emit(e, &(struct call){
                .shader = SHADER_CONCAT,
                CALL_SPEC(OP_WORKGROUP),
                .use = { { from, ACCESS_READ }, { to.tensor, to.access } },
                CALL_PARAMS(params),
                .grid = grid,
                .flops = to.accumulate ? count : 0,
            });
}

static bool concat_infer(const struct op_node *n, struct op_shapes *shapes)
{
    const struct shape a = n->in[0]->shape, b = n->in[1]->shape;
    if (a.n != b.n || a.h != b.h || a.w != b.w) {
        char a_text[SHAPE_TEXT_SIZE], b_text[SHAPE_TEXT_SIZE];
        log_error("concat: the shapes %s and %s differ in more than their channels",
                  shape_text(a, a_text), shape_text(b, b_text));
        return false;
    }
    shapes->out = a;
    shapes->out.c = a.c + b.c;
    return true;
}

static void concat_forward(struct emitter *e, const struct op_node *n)
{
    const struct gradient out = { n->out, ACCESS_WRITE };
    copy_emit(e, n->in[0], 0, out, 0);
    copy_emit(e, n->in[1], 0, out, sample_count(n->in[0]));
}

static void concat_backward(struct emitter *e, const struct op_node *n)
{
    for (uint32_t i = 0; i < 2; i++) {
        const struct gradient dx = emit_gradient(e, n->in[i]);
        if (dx.tensor)
            copy_emit(e, emit_output_gradient(e, n->out),
                      i == 0 ? 0 : sample_count(n->in[0]), dx, 0);
    }
}

const struct op op_concat = {
    .name = "concat",
    .infer = concat_infer,
    .forward = concat_forward,
    .backward = concat_backward,
};
