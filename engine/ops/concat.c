// SPDX-License-Identifier: MIT
//
// Joins two tensors along their channels or their samples. Where it can be, nothing is
// copied: the two become slices of the joint tensor, and who writes them writes there;
// backward, their gradients are slices of its gradient. What cannot be a slice,
// because it is one of another tensor or written by the host, is copied
// (shared/concat.h).
//
//     [n, ca, h, w] and [n, cb, h, w] -> [n, ca + cb, h, w]    along channels
//     [na, c, h, w] and [nb, c, h, w] -> [na + nb, c, h, w]    along samples

#include "shared/concat.h"

#include "base/log.h"
#include "ops/emitter.h"

_Static_assert(sizeof(struct concat_params) <= CALL_MAX_PARAMS, "push constants");

// Both have one shape and either may be a slice, so this is a kernel: a copy of memory
// would have to be one for each sample.
static void copy_emit(struct emitter *e, struct tensor *from, struct gradient to)
{
    const uint32_t count = (uint32_t)shape_count(from->shape);
    const struct grid grid = grid_linear(count);
    const struct concat_params params = {
        .count = count,
        .stride = grid_stride(grid),
        .run = shape_run(from->shape),
        .accumulate = to.accumulate,
    };
    emit_call(
        e, &(struct call){
               .shader = SHADER_CONCAT,
               CALL_SPEC(OP_WORKGROUP),
               .use = { { from, ACCESS_READ, CALL_VIEW(struct concat_params, from) },
                        { to.tensor, to.access, CALL_VIEW(struct concat_params, to) } },
               CALL_PARAMS(params),
               .grid = grid,
               .flops = to.accumulate ? count : 0,
           });
}

static bool concat_infer(const struct op_node *n, struct op_shapes *shapes)
{
    struct shape a = n->in[0]->shape, b = n->in[1]->shape;
    char a_text[SHAPE_TEXT_SIZE], b_text[SHAPE_TEXT_SIZE];
    shape_text(a, a_text);
    shape_text(b, b_text);
    shapes->out = a;
    if (n->attr.concat.samples) {
        shapes->out.n += b.n;
        b.n = a.n;
    } else {
        shapes->out.c += b.c;
        b.c = a.c;
    }
    if (!shape_equal(a, b)) {
        log_error("concat: the shapes %s and %s differ in more than their %s", a_text,
                  b_text, n->attr.concat.samples ? "samples" : "channels");
        return false;
    }
    return true;
}

// Where input i begins in the joint tensor.
static void first_of(const struct op_node *n, uint32_t i, uint32_t *first_n,
                     uint32_t *first_c)
{
    *first_n = i && n->attr.concat.samples ? n->in[0]->shape.n : 0;
    *first_c = i && !n->attr.concat.samples ? n->in[0]->shape.c : 0;
}

// The two are all slices of one tensor already, in this order: that tensor.
static struct tensor *joint_of(const struct op_node *n)
{
    struct tensor *parent = emitter_resolve(n->in[0])->parent;
    if (!parent || !shape_equal(parent->shape, n->out->shape))
        return NULL;
    for (uint32_t i = 0; i < 2; i++) {
        const struct tensor *t = emitter_resolve(n->in[i]);
        uint32_t first_n, first_c;
        first_of(n, i, &first_n, &first_c);
        if (t->parent != parent || t->first_n != first_n || t->first_c != first_c)
            return NULL;
    }
    return parent;
}

static void concat_forward(struct emitter *e, const struct op_node *n)
{
    // The same pair joined a second time is the tensor that the first time made.
    struct tensor *joint = joint_of(n);
    if (joint) {
        graph_tensor_of(n->out)->alias = joint;
        return;
    }
    for (uint32_t i = 0; i < 2; i++) {
        uint32_t first_n, first_c;
        first_of(n, i, &first_n, &first_c);
        if (emitter_make_slice(e, n->in[i], n->out, first_n, first_c))
            continue;
        struct tensor *to = emitter_slice(e, n->out, first_n, first_c, n->in[i]->shape);
        if (to)
            copy_emit(e, n->in[i], (struct gradient){ to, ACCESS_WRITE, 0 });
    }
}

static void concat_backward(struct emitter *e, const struct op_node *n)
{
    struct tensor *dy = emit_output_gradient(e, n->out);
    for (uint32_t i = 0; dy && i < 2; i++) {
        uint32_t first_n, first_c;
        first_of(n, i, &first_n, &first_c);
        struct tensor *part = emitter_slice(e, dy, first_n, first_c, n->in[i]->shape);
        // Where the input has no gradient yet, its slice of dy becomes it. A node
        // before this one that reads the input too adds to that slice, in dy itself,
        // which nobody reads as a whole any more.
        if (!part || emitter_set_gradient(n->in[i], part))
            continue;
        const struct gradient dx = emit_gradient(e, n->in[i]);
        if (dx.tensor)
            copy_emit(e, part, dx);
    }
}

const struct op op_concat = {
    .name = "concat",
    .infer = concat_infer,
    .forward = concat_forward,
    .backward = concat_backward,
};
