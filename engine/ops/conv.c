// SPDX-License-Identifier: MIT
//
// Convolution and transposed convolution, both with an optional bias. The formulas are
// in shared/conv.h, the choice of kernels in conv_variant.c.
//
// A transposed convolution needs no kernels of its own. It is the convolution from its
// output to its input, read backwards: its forward pass is that convolution's input
// gradient, its input gradient is the convolution, its weight gradient is the
// convolution's with the roles of input and output gradient exchanged. The layouts of
// the weights agree as well: [c_out, c_in, k, k] of that convolution is PyTorch's
// [c_in, c_out, k, k] of the transposed one.

#include "shared/conv.h"

#include "base/log.h"
#include "ops/conv_variant.h"
#include "ops/emitter.h"

#include <assert.h>

#define MAX_STRIDE 255    // its square, the number of phases, is a number of groups

_Static_assert(sizeof(struct conv_params) <= CALL_MAX_PARAMS, "push constants");
_Static_assert(sizeof(struct conv_weight_params) <= CALL_MAX_PARAMS, "push constants");
_Static_assert(offsetof(struct conv_weight_params, conv) == 0, "views of both");

// ---------------------------------------------------------------------------
// Calls

// The convolution from x to y, whichever of them is the node's input.
struct conv {
    struct conv_attributes attr;
    struct shape x, y;
};

// What forward and input gradient do around their sums. At most one of bias and z.
struct ends {
    bool leaky;    // on load, of the slope of the attributes
    bool tanh;
    struct tensor *bias;
    struct tensor *z;    // multiplies by the derivative of the leaky ReLU at z
};

#define VIEW(member) CALL_VIEW(struct conv_params, member)

// How a direction is computed.
struct choice {
    struct conv_shape shape;
    const struct conv_variant *variant;
    struct conv_product product;
};

static struct choice choose(struct emitter *e, const struct conv *c,
                            enum conv_direction direction)
{
    const struct conv_shape shape = {
        .direction = direction,
        .x = c->x,
        .c_out = c->y.c,
        .kernel = c->attr.kernel,
        .stride = c->attr.stride,
        .pad = c->attr.pad,
    };
    assert(shape_equal(conv_shape_y(&shape), c->y));
    emit_product(e, &shape);
    return (struct choice){ shape, conv_variant_choose(emit_limits(e), &shape),
                            conv_product_of(&shape) };
}

static void set_groups(struct call *call, struct conv_params *params, uint64_t groups,
                       uint32_t phases)
{
    params->groups_x = (uint32_t)MIN(groups, OP_MAX_GROUPS);
    call->grid = (struct grid){ params->groups_x,
                                (uint32_t)DIV_UP(groups, params->groups_x), phases };
}

// Emits a call whose sum is computed in parts: into slabs, which a second call adds up,
// `count` elements of the shape of the output. Only that one does what is done with
// complete sums.
static void emit_parts(struct emitter *e, struct call call,
                       struct conv_weight_params *params, struct shape out,
                       uint32_t parts, bool is_weight)
{
    const uint64_t count = shape_count(out);
    out.n *= parts;
    struct tensor *slabs = emit_temporary(e, "parts of a sum", out);
    struct call reduce = call;
    call.spec[CONV_SPEC_PARTS] = parts;
    call.grid.z *= parts;
    call.use[3].tensor = slabs;
    call.use[3].access = ACCESS_WRITE;
    // Only the second kernel reads the bias, z or the gradient so far, if there is one.
    const bool has_other =
        is_weight ? call.spec[CONV_SPEC_ACCUMULATE]
                  : call.spec[CONV_SPEC_BIAS] ||
                        call.spec[CONV_SPEC_STORE] == CONV_STORE_DERIVATIVE;
    const struct call_use other = call.use[2];
    call.use[2] = call.use[is_weight ? 0 : 1];
    params->conv.slab = (uint32_t)count;
    emit(e, &call);

    reduce.shader = is_weight ? SHADER_CONV_REDUCE_WEIGHT : SHADER_CONV_REDUCE;
    reduce.spec[0] = OP_WORKGROUP;
    reduce.subgroup = 0;
    reduce.grid = grid_linear(count);
    reduce.use[0] = (struct call_use){ slabs, ACCESS_READ };
    reduce.use[1] = has_other ? other : reduce.use[0];
    reduce.use[2] = reduce.use[3];
    if (reduce.use[2].view)
        reduce.use[2].view = VIEW(y);
    reduce.use[3] = (struct call_use){ 0 };
    reduce.flops = count * parts;
    struct conv_weight_params sums = *params;
    sums.conv.c_out = out.c;
    sums.conv.h_out = out.h;
    sums.conv.w_out = out.w;
    sums.conv.stride = grid_stride(reduce.grid);
    sums.conv.sum_first = 0;
    sums.conv.sum_end = parts;
    reduce.params = &sums;
    emit(e, &reduce);
}

// Emits one call of a direction, or more that each add their part of the sum. Its
// shader is given, its flops are those of the whole; the output is the last in its use,
// `count` elements. Forward and input gradient have `ends`, the weight gradient has
// `update`, whose sum or state is the output.
static void emit_kernel(struct emitter *e, const struct conv *c, struct call call,
                        const struct choice *choice, uint64_t count, uint32_t load,
                        const struct ends *ends, const struct weight_gradient *update)
{
    const struct conv_variant *variant = choice->variant;
    const struct conv_product *product = &choice->product;
    struct conv_weight_params params = { .conv = {
                                             .n = c->x.n,
                                             .c_in = c->x.c,
                                             .h_in = c->x.h,
                                             .w_in = c->x.w,
                                             .c_out = c->y.c,
                                             .h_out = c->y.h,
                                             .w_out = c->y.w,
                                             .slope = c->attr.slope,
                                         } };
    call.spec[CONV_SPEC_KERNEL] = c->attr.kernel;
    call.spec[CONV_SPEC_STRIDE] = c->attr.stride;
    call.spec[CONV_SPEC_PAD] = c->attr.pad;
    call.spec[CONV_SPEC_LOAD] = load;
    if (load != CONV_LOAD_PLAIN && c->attr.slope == 0)
        call.spec[CONV_SPEC_LOAD] |= CONV_LOAD_RELU;
    call.spec_count = CONV_SPEC_PARTS + 1;
    uint64_t iterations;    // of all loops of an invocation, for each of `terms`
    if (variant->kind == CONV_SIMPLE) {
        call.spec[0] = OP_WORKGROUP;
        call.grid = grid_linear(count);
        params.conv.stride = grid_stride(call.grid);
        iterations = DIV_UP(count, params.conv.stride) * 2 * (product->inner + 1);
    } else if (variant->kind == CONV_FETCH || variant->kind == CONV_SHARE) {
        const uint32_t invocations = conv_variant_invocations(variant, emit_limits(e));
        const struct conv_rows rows =
            conv_rows_of(variant, &choice->shape, invocations);
        call.spec[0] = invocations;
        call.spec[CONV_SPEC_LANES] = invocations;
        call.spec[CONV_SPEC_FOURS_A] = rows.fours_a;
        call.spec[CONV_SPEC_FOURS_LINE] = rows.fours_line;
        call.spec[CONV_SPEC_REG_M] = variant->reg_m;
        call.spec[CONV_SPEC_REG_N] = variant->reg_n;
        call.subgroup = variant->kind == CONV_SHARE ? invocations : 0;
        call.use[0].fetch = rows.fours_line ? FETCH_FOURS : FETCH_FLOATS;
        call.use[1].fetch = rows.fours_a ? FETCH_FOURS : FETCH_FLOATS;
        set_groups(&call, &params.conv, rows.groups, rows.phases);
        iterations = rows.steps + 1;
    } else if (variant->kind == CONV_VECTOR) {
        const struct conv_vector vector = conv_vector_of(variant, &choice->shape);
        const bool forward = choice->shape.direction == CONV_FORWARD;
        call.spec[0] = conv_variant_invocations(variant, emit_limits(e));
        call.spec[CONV_SPEC_H_IN] = c->x.h;
        call.spec[CONV_SPEC_W_IN] = c->x.w;
        call.spec[CONV_SPEC_H_OUT] = c->y.h;
        call.spec[CONV_SPEC_W_OUT] = c->y.w;
        call.spec[CONV_SPEC_REG_M] = forward ? variant->reg_m : variant->m;
        call.spec[CONV_SPEC_ROWS] = vector.rows;
        call.use[0].fetch = vector.fours ? FETCH_FOURS : FETCH_FLOATS;
        call.use[1].fetch = FETCH_FOURS;
        set_groups(&call, &params.conv, vector.groups, 1);
        iterations = forward ? c->attr.kernel : 1;
    } else {
        call.spec[0] = conv_variant_invocations(variant, emit_limits(e));
        call.spec[CONV_SPEC_TILE_M] = variant->m;
        call.spec[CONV_SPEC_TILE_N] = variant->n;
        call.spec[CONV_SPEC_TILE_K] = variant->k;
        call.spec[CONV_SPEC_REG_M] = variant->reg_m;
        call.spec[CONV_SPEC_REG_N] = variant->reg_n;
        call.spec[CONV_SPEC_DIRECT] = variant->kind == CONV_DIRECT;
        call.spec[CONV_SPEC_RAGGED] =
            product->m % 4 != 0 || shape_count(c->x) < 4 || shape_count(c->y) < 4;
        uint64_t groups =
            DIV_UP(product->m, variant->m) * DIV_UP(product->n, variant->n);
        set_groups(&call, &params.conv, groups, product->phases);
        // Staging a step takes a few beside those over k.
        iterations = 3 * product->inner;
    }
    call.spec[CONV_SPEC_PARTS] = 1;
    const uint32_t parts = MIN(variant->parts, product->terms);
    call.params = &params;
    call.params_size = update ? sizeof(params) : sizeof(params.conv);

    // Where a driver ends long loops, longer sums are made by several calls.
    uint32_t most = emit_limits(e)->loop_iterations;
    uint32_t part = product->terms;
    if (most)
        part = (uint32_t)MAX(MIN(most / iterations, product->terms), 1);
    const uint64_t flops = call.flops;
    const uint32_t out = 3;
    const struct call_use last = call.use[out];
    struct tensor *before =
        update && update->sum.accumulate ? update->sum.tensor : NULL;
    bool accumulates = last.access == ACCESS_READ_WRITE;
    if (update)
        accumulates = before != NULL;
    for (uint32_t first = 0; first < product->terms; first += part) {
        uint32_t terms = MIN(part, product->terms - first);
        bool is_last = first + terms == product->terms;
        params.conv.sum_first = first;
        params.conv.sum_end = first + terms;
        call.flops = flops / product->terms * terms;
        call.spec[CONV_SPEC_ACCUMULATE] = accumulates || first > 0;
        if (update) {
            // Until the sum is complete an update keeps it elsewhere.
            bool updates = update->state && is_last;
            if (before)
                call.use[2] = (struct call_use){ before, ACCESS_READ };
            if (updates) {
                params.adam = adam_rule(update->optimizer);
                params.part = update->part;
                call.use[out] = (struct call_use){ update->state, ACCESS_READ_WRITE };
            } else if (update->state) {
                if (!before)
                    before = emit_temporary(e, "weight gradient so far",
                                            (struct shape){ 1, 1, 1, (uint32_t)count });
                call.use[out] = (struct call_use){ before, first > 0 || accumulates
                                                               ? ACCESS_READ_WRITE
                                                               : ACCESS_WRITE };
            } else {
                before = last.tensor;
                if (first > 0)
                    call.use[out].access = ACCESS_READ_WRITE;
            }
            call.spec[CONV_SPEC_STORE] = updates ? CONV_STORE_ADAM : CONV_STORE_PLAIN;
        } else {
            call.spec[CONV_SPEC_BIAS] = ends->bias && first == 0;
            call.spec[CONV_SPEC_STORE] = ends->z                 ? CONV_STORE_DERIVATIVE
                                         : ends->tanh && is_last ? CONV_STORE_TANH
                                                                 : CONV_STORE_PLAIN;
            if (first > 0)
                call.use[out].access = ACCESS_READ_WRITE;
        }
        if (parts > 1)
            emit_parts(e, call, &params, conv_shape_out(&choice->shape), parts,
                       update != NULL);
        else
            emit(e, &call);
    }
}

// What binding 2 gets: the bias, z, or the weights, which are not read through it.
static struct call_use second_use(const struct ends *ends, struct tensor *w)
{
    if (ends->z)
        return (struct call_use){ ends->z, ACCESS_READ, VIEW(z) };
    return (struct call_use){ ends->bias ? ends->bias : w, ACCESS_READ };
}

static void emit_forward(struct emitter *e, const struct conv *c, struct tensor *x,
                         struct tensor *w, const struct ends *ends, struct gradient y)
{
    const struct choice choice = choose(e, c, CONV_FORWARD);
    const struct conv_product *p = &choice.product;
    const struct call call = {
        .shader = conv_variant_shader(choice.variant, CONV_FORWARD),
        .use = { { x, ACCESS_READ, VIEW(x) },
                 { w, ACCESS_READ },
                 second_use(ends, w),
                 { y.tensor, y.access, VIEW(y) } },
        .flops = 2 * p->m * p->n * p->inner * p->terms,
    };
    emit_kernel(e, c, call, &choice, shape_count(c->y),
                ends->leaky ? CONV_LOAD_X : CONV_LOAD_PLAIN, ends, NULL);
}

// Taps that meet an element of dy, or would if it had no edges, over all rows (or
// columns) of dx.
static uint64_t meeting_taps(uint32_t length, const struct conv_attributes *a)
{
    uint64_t sum = 0;
    for (uint32_t first = 0; first < MIN(a->stride, length); first++) {
        uint32_t tap = (first + a->pad) % a->stride;
        if (tap < a->kernel)
            sum += (uint64_t)DIV_UP(length - first, a->stride) *
                   DIV_UP(a->kernel - tap, a->stride);
    }
    return sum;
}

static void emit_backward_input(struct emitter *e, const struct conv *c,
                                struct tensor *dy, struct tensor *w,
                                const struct ends *ends, struct gradient dx)
{
    const struct choice choice = choose(e, c, CONV_BACKWARD_INPUT);
    const struct call call = {
        .shader = conv_variant_shader(choice.variant, CONV_BACKWARD_INPUT),
        .use = { { dy, ACCESS_READ, VIEW(y) },
                 { w, ACCESS_READ },
                 second_use(ends, w),
                 { dx.tensor, dx.access, VIEW(x) } },
        .flops = 2 * (uint64_t)c->x.n * c->x.c * c->y.c *
                 meeting_taps(c->x.h, &c->attr) * meeting_taps(c->x.w, &c->attr),
    };
    emit_kernel(e, c, call, &choice, shape_count(c->x),
                ends->leaky ? CONV_LOAD_Y : CONV_LOAD_PLAIN, ends, NULL);
}

// `load`: which of x and dy is the node's input before its leaky ReLU.
static void emit_backward_weight(struct emitter *e, const struct conv *c,
                                 struct tensor *x, struct tensor *dy, uint32_t load,
                                 struct weight_gradient dw)
{
    const struct choice choice = choose(e, c, CONV_BACKWARD_WEIGHT);
    const struct conv_product *p = &choice.product;
    const struct call call = {
        .shader = conv_variant_shader(choice.variant, CONV_BACKWARD_WEIGHT),
        // Binding 2 is not read unless there is a gradient so far.
        .use = { { x, ACCESS_READ, VIEW(x) },
                 { dy, ACCESS_READ, VIEW(y) },
                 { x, ACCESS_READ, VIEW(x) },
                 { dw.sum.tensor, dw.sum.access } },
        .uses_step = true,
        .flops = 2 * p->m * p->n * p->inner * p->terms,
    };
    emit_kernel(e, c, call, &choice, p->m * p->n, load, NULL, &dw);
}

// Sum over everything but the channels.
static void emit_backward_bias(struct emitter *e, struct tensor *dy, struct gradient db)
{
    struct shape s = dy->shape;
    const struct conv_bias_params params = {
        .n = s.n,
        .c = s.c,
        .plane = s.h * s.w,
        .accumulate = db.accumulate,
        .groups_x = MIN(s.c, OP_MAX_GROUPS),
    };
    emit(e, &(struct call){
                .shader = SHADER_CONV_BACKWARD_BIAS,
                CALL_SPEC(OP_WORKGROUP),
                .use = { { dy, ACCESS_READ, CALL_VIEW(struct conv_bias_params, y) },
                         { db.tensor, db.access } },
                .grid = { params.groups_x, DIV_UP(s.c, params.groups_x), 1 },
                .flops = shape_count(s),
                CALL_PARAMS(params),
            });
}

// The gradient of the sum itself: tanh is differentiated by a pass of its own, and its
// result takes the place of the output's gradient.
static struct tensor *sum_gradient(struct emitter *e, const struct op_node *n)
{
    struct tensor *dy = emit_output_gradient(e, n->out);
    if (!n->attr.conv.tanh)
        return dy;
    struct tensor *sum = emit_temporary(e, n->label, n->out->shape);
    emitter_replace_gradient(n->out, sum);
    activation_backward_emit(
        e, (struct activation_attributes){ ACTIVATION_KIND_TANH, 0 },
        emit_value(e, n->out), dy, (struct gradient){ sum, ACCESS_WRITE, 0 });
    return sum;
}

void conv_emit(struct emitter *e, const struct conv_shape *s, struct tensor *a,
               struct tensor *b, struct tensor *out)
{
    const struct conv c = {
        .attr = { .kernel = s->kernel, .stride = s->stride, .pad = s->pad },
        .x = s->x,
        .y = conv_shape_y(s),
    };
    const struct gradient to = { out, ACCESS_WRITE, 0 };
    const struct ends none = { 0 };
    switch (s->direction) {
    case CONV_FORWARD:
        emit_forward(e, &c, a, b, &none, to);
        break;
    case CONV_BACKWARD_INPUT:
        emit_backward_input(e, &c, a, b, &none, to);
        break;
    case CONV_BACKWARD_WEIGHT:
        emit_backward_weight(e, &c, a, b, CONV_LOAD_PLAIN,
                             (struct weight_gradient){ .sum = to });
        break;
    }
}

// ---------------------------------------------------------------------------
// Ops

// What convolutions have in common: c_w is the weights' dimension that belongs to the
// input, c_out the other one. `out` is the shape found, in 64 bits.
static bool check(const struct op_node *n, uint32_t c_w, uint32_t c_out,
                  const uint64_t out[2], struct op_shapes *shapes)
{
    const struct conv_attributes *a = &n->attr.conv;
    struct shape x = n->in[0]->shape, w = n->in[1]->shape;
    char x_text[SHAPE_TEXT_SIZE], w_text[SHAPE_TEXT_SIZE];
    shape_text(x, x_text);
    shape_text(w, w_text);

    if (c_w != x.c || w.h != a->kernel || w.w != a->kernel) {
        log_error("%s: the input %s does not fit the weights %s with a kernel of %u",
                  n->label, x_text, w_text, a->kernel);
        return false;
    }
    if (n->in[2] &&
        (n->in[2]->shape.c != c_out || shape_count(n->in[2]->shape) != c_out)) {
        char b_text[SHAPE_TEXT_SIZE];
        log_error("%s: the bias %s does not fit the weights %s, which give %u channels",
                  n->label, shape_text(n->in[2]->shape, b_text), w_text, c_out);
        return false;
    }
    // The kernels count elements in 32 bits.
    uint64_t most = UINT32_MAX / ((uint64_t)x.n * c_out);
    if (out[0] > UINT32_MAX || out[1] > UINT32_MAX || out[0] * out[1] > most) {
        log_error("%s: the output of the input %s and the weights %s would have more "
                  "than 2^32 elements; make the image or the batch smaller",
                  n->label, x_text, w_text);
        return false;
    }
    shapes->out = (struct shape){ x.n, c_out, (uint32_t)out[0], (uint32_t)out[1] };
    return true;
}

static bool check_attributes(const struct op_node *n)
{
    const struct conv_attributes *a = &n->attr.conv;
    if (a->kernel > 0 && a->stride > 0 && a->stride <= MAX_STRIDE)
        return true;
    log_error(
        "%s: a kernel of %u with stride %u is not possible; the kernel is at least "
        "1, the stride 1 to %d",
        n->label, a->kernel, a->stride, MAX_STRIDE);
    return false;
}

static bool conv_infer(const struct op_node *n, struct op_shapes *shapes)
{
    const struct conv_attributes *a = &n->attr.conv;
    struct shape x = n->in[0]->shape, w = n->in[1]->shape;
    if (!check_attributes(n))
        return false;
    uint64_t h = x.h + 2 * (uint64_t)a->pad, wide = x.w + 2 * (uint64_t)a->pad;
    if (h < a->kernel || wide < a->kernel) {
        char x_text[SHAPE_TEXT_SIZE], w_text[SHAPE_TEXT_SIZE];
        log_error(
            "%s: the input %s with %u of padding is smaller than the kernel of the "
            "weights %s",
            n->label, shape_text(x, x_text), a->pad, shape_text(w, w_text));
        return false;
    }
    const uint64_t out[2] = { (h - a->kernel) / a->stride + 1,
                              (wide - a->kernel) / a->stride + 1 };
    return check(n, w.c, w.n, out, shapes);
}

static struct conv conv_of(const struct op_node *n)
{
    return (struct conv){ n->attr.conv, n->in[0]->shape, n->out->shape };
}

static void conv_forward(struct emitter *e, const struct op_node *n)
{
    const struct conv c = conv_of(n);
    const struct ends ends = {
        .leaky = n->attr.conv.leaky,
        .tanh = n->attr.conv.tanh,
        .bias = n->in[2],
    };
    emit_forward(e, &c, n->in[0], n->in[1], &ends,
                 (struct gradient){ n->out, ACCESS_WRITE, 0 });
}

static void conv_backward(struct emitter *e, const struct op_node *n)
{
    const struct conv c = conv_of(n);
    struct tensor *dy = sum_gradient(e, n);
    struct gradient dx = emit_gradient(e, n->in[0]);
    const struct ends ends = { .z = n->attr.conv.leaky ? emit_value(e, n->in[0])
                                                       : NULL };
    if (dx.tensor)
        emit_backward_input(e, &c, dy, emit_value(e, n->in[1]), &ends, dx);
}

static void conv_backward_weights(struct emitter *e, const struct op_node *n)
{
    const struct conv c = conv_of(n);
    struct tensor *dy = emit_output_gradient(e, n->out);
    struct weight_gradient dw = emit_weight_gradient(e, n->in[1]);
    if (dw.sum.tensor || dw.state)
        emit_backward_weight(e, &c, emit_value(e, n->in[0]), dy,
                             n->attr.conv.leaky ? CONV_LOAD_X : CONV_LOAD_PLAIN, dw);
    if (n->in[2]) {
        struct gradient db = emit_gradient(e, n->in[2]);
        if (db.tensor)
            emit_backward_bias(e, dy, db);
    }
}

const struct op op_conv = {
    .name = "conv",
    .infer = conv_infer,
    .forward = conv_forward,
    .backward = conv_backward,
    .backward_weights = conv_backward_weights,
};

// Whether a convolution of `size` elements has `result` of them.
static bool has_size(const struct conv_attributes *a, uint32_t size, uint32_t result)
{
    const uint64_t padded = size + 2 * (uint64_t)a->pad;
    return padded >= a->kernel && (padded - a->kernel) / a->stride + 1 == result;
}

static bool conv_transpose_infer(const struct op_node *n, struct op_shapes *shapes)
{
    const struct conv_attributes *a = &n->attr.conv;
    struct shape x = n->in[0]->shape, w = n->in[1]->shape;
    if (!check_attributes(n))
        return false;
    if (a->output_pad >= a->stride) {
        log_error("%s: an output padding of %u is not possible with stride %u; it must "
                  "be smaller",
                  n->label, a->output_pad, a->stride);
        return false;
    }
    if (a->out_h || a->out_w) {
        const uint64_t out[2] = { a->out_h, a->out_w };
        if (has_size(a, a->out_h, x.h) && has_size(a, a->out_w, x.w))
            return check(n, w.n, w.c, out, shapes);
        char x_text[SHAPE_TEXT_SIZE];
        log_error("%s: the output can not be %ux%u: a convolution would not make %s "
                  "of it",
                  n->label, a->out_h, a->out_w, shape_text(x, x_text));
        return false;
    }
    uint64_t more = (uint64_t)a->kernel + a->output_pad, less = 2 * (uint64_t)a->pad;
    uint64_t h = (uint64_t)(x.h - 1) * a->stride + more;
    uint64_t wide = (uint64_t)(x.w - 1) * a->stride + more;
    if (h <= less || wide <= less) {
        char x_text[SHAPE_TEXT_SIZE], w_text[SHAPE_TEXT_SIZE];
        log_error("%s: nothing is left of the input %s and the weights %s after a "
                  "padding of %u",
                  n->label, shape_text(x, x_text), shape_text(w, w_text), a->pad);
        return false;
    }
    const uint64_t out[2] = { h - less, wide - less };
    return check(n, w.n, w.c, out, shapes);
}

static struct conv conv_transpose_of(const struct op_node *n)
{
    return (struct conv){ n->attr.conv, n->out->shape, n->in[0]->shape };
}

static void conv_transpose_forward(struct emitter *e, const struct op_node *n)
{
    const struct conv c = conv_transpose_of(n);
    const struct ends ends = {
        .leaky = n->attr.conv.leaky,
        .tanh = n->attr.conv.tanh,
        .bias = n->in[2],
    };
    emit_backward_input(e, &c, n->in[0], n->in[1], &ends,
                        (struct gradient){ n->out, ACCESS_WRITE, 0 });
}

static void conv_transpose_backward(struct emitter *e, const struct op_node *n)
{
    const struct conv c = conv_transpose_of(n);
    struct tensor *dy = sum_gradient(e, n);
    struct gradient dx = emit_gradient(e, n->in[0]);
    const struct ends ends = { .z = n->attr.conv.leaky ? emit_value(e, n->in[0])
                                                       : NULL };
    if (dx.tensor)
        emit_forward(e, &c, dy, emit_value(e, n->in[1]), &ends, dx);
}

static void conv_transpose_backward_weights(struct emitter *e, const struct op_node *n)
{
    const struct conv c = conv_transpose_of(n);
    struct tensor *dy = emit_output_gradient(e, n->out);
    struct weight_gradient dw = emit_weight_gradient(e, n->in[1]);
    if (dw.sum.tensor || dw.state)
        emit_backward_weight(e, &c, dy, emit_value(e, n->in[0]),
                             n->attr.conv.leaky ? CONV_LOAD_Y : CONV_LOAD_PLAIN, dw);
    if (n->in[2]) {
        struct gradient db = emit_gradient(e, n->in[2]);
        if (db.tensor)
            emit_backward_bias(e, dy, db);
    }
}

const struct op op_conv_transpose = {
    .name = "conv_transpose",
    .infer = conv_transpose_infer,
    .forward = conv_transpose_forward,
    .backward = conv_transpose_backward,
    .backward_weights = conv_transpose_backward_weights,
};
