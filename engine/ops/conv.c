// SPDX-License-Identifier: MIT
//
// Convolution and transposed convolution, both with an optional bias. The formulas are
// in shared/conv.h, the choice of kernels in conv_choice.c, their calls in
// conv_kernel.c.
//
// A transposed convolution needs no kernels of its own. It is the convolution from its
// output to its input, read backwards: its forward pass is that convolution's input
// gradient, its input gradient is the convolution, its weight gradient is the
// convolution's with the roles of input and output gradient exchanged. The layouts of
// the weights agree as well: [c_out, c_in, k, k] of that convolution is PyTorch's
// [c_in, c_out, k, k] of the transposed one.

#include "shared/conv.h"

#include "base/log.h"
#include "ops/conv_kernel.h"
#include "ops/emitter.h"
#include "tensor/weights.h"

#include <assert.h>

#define MAX_STRIDE 255    // its square, the number of phases, is a number of groups

#define VIEW(member) CALL_VIEW(struct conv_params, member)

// ---------------------------------------------------------------------------
// Directions

// What binding 2 gets: the bias, z, or the weights, which are not read through it.
static struct call_use second_use(const struct conv_ends *ends, struct tensor *w)
{
    if (ends->z)
        return (struct call_use){ ends->z, ACCESS_READ, VIEW(z) };
    return (struct call_use){ ends->bias ? ends->bias : w, ACCESS_READ };
}

// x [n, c, h, w], w [c_out, c, k, k] -> y [n, c_out, h', w']. y is a gradient that may
// be added to where this is the backward pass of a transposed convolution.
static void emit_forward(struct emitter *e, const struct conv *c, struct tensor *x,
                         struct tensor *w, const struct conv_ends *ends,
                         struct gradient y)
{
    const struct conv_kernel kernel = conv_kernel_choose(e, c, CONV_FORWARD, x, w);
    const struct conv_product *p = &kernel.product;
    const struct call call = {
        .use = { { x, ACCESS_READ, VIEW(x) },
                 { w, ACCESS_READ },
                 second_use(ends, w),
                 { y.tensor, y.access, VIEW(y) } },
        .flops = 2 * p->m * p->n * p->inner * p->terms,
    };
    conv_kernel_emit(e, &kernel, call, ends->leaky ? CONV_LOAD_X : CONV_LOAD_PLAIN,
                     ends);
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

// dy [n, c_out, h', w'], w [c_out, c, k, k] -> dx [n, c, h, w].
static void emit_backward_input(struct emitter *e, const struct conv *c,
                                struct tensor *dy, struct tensor *w,
                                const struct conv_ends *ends, struct gradient dx)
{
    const struct conv_kernel kernel =
        conv_kernel_choose(e, c, CONV_BACKWARD_INPUT, dy, w);
    const struct call call = {
        .use = { { dy, ACCESS_READ, VIEW(y) },
                 { w, ACCESS_READ },
                 second_use(ends, w),
                 { dx.tensor, dx.access, VIEW(x) } },
        .flops = 2 * (uint64_t)c->x.n * c->x.c * c->y.c *
                 meeting_taps(c->x.h, &c->attr) * meeting_taps(c->x.w, &c->attr),
    };
    conv_kernel_emit(e, &kernel, call, ends->leaky ? CONV_LOAD_Y : CONV_LOAD_PLAIN,
                     ends);
}

// `load`: which of x and dy is the node's input before its leaky ReLU.
static void emit_backward_weight(struct emitter *e, const struct conv *c,
                                 struct tensor *x, struct tensor *dy, uint32_t load,
                                 struct weight_gradient dw)
{
    const struct conv_kernel kernel =
        conv_kernel_choose(e, c, CONV_BACKWARD_WEIGHT, x, dy);
    const struct conv_product *p = &kernel.product;
    const struct call call = {
        // Binding 2 is not read unless there is a gradient so far.
        .use = { { x, ACCESS_READ, VIEW(x) },
                 { dy, ACCESS_READ, VIEW(y) },
                 { x, ACCESS_READ, VIEW(x) } },
        .uses_step = true,
        .flops = 2 * p->m * p->n * p->inner * p->terms,
    };
    conv_kernel_emit_weight(e, &kernel, call, load, &dw);
}

// db [1, c, 1, 1]: the sum of dy [n, c, h, w] over n, h and w. One workgroup has a
// channel, so nothing is added atomically and the order of the sum is fixed.
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
    emit_call(e,
              &(struct call){
                  .shader = SHADER_CONV_BACKWARD_BIAS,
                  CALL_SPEC(OP_WORKGROUP),
                  .use = { { dy, ACCESS_READ, CALL_VIEW(struct conv_bias_params, y) },
                           { db.tensor, db.access } },
                  .grid = { params.groups_x, DIV_UP(s.c, params.groups_x), 1 },
                  .flops = shape_count(s),
                  CALL_PARAMS(params),
              });
}

// The gradient of the sum itself. tanh is differentiated by a pass of its own, since
// both the input and the weight gradient read its result, which takes the place of the
// output's gradient.
static struct tensor *sum_gradient(struct emitter *e, const struct op_node *n)
{
    struct tensor *dy = emit_output_gradient(e, n->out);
    if (!n->attr.conv.tanh)
        return dy;
    struct tensor *sum = emit_temporary(e, n->label, n->out->shape);
    emitter_replace_gradient(n->out, sum);
    activation_emit_backward(
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
    const struct conv_ends none = { 0 };
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

// What both kinds have in common: c_w is the weights' dimension that belongs to the
// input, c_out the other one. `out` is the output's height and width, in 64 bits since
// they may be too large.
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
    shapes->is_full = a->full_output;
    return true;
}

// Before any size is computed: a stride of 0 would divide by zero.
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

// As torch.nn.Conv2d with dilation 1. The division rounds down, so the last rows and
// columns may meet no weight.
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

// The convolution that a node is, for the kernels: x is the node's input here, its
// output in conv_transpose_of.
static struct conv conv_of(const struct op_node *n)
{
    return (struct conv){ n->attr.conv, n->in[0]->shape, n->out->shape };
}

// The weights as kernels read them.
static struct tensor *operand_of(struct emitter *e, const struct op_node *n)
{
    struct tensor *w = emit_value(e, n->in[1]);
    return n->attr.conv.full_weight ? w : weight_operand(w);
}

static void conv_forward(struct emitter *e, const struct op_node *n)
{
    const struct conv c = conv_of(n);
    const struct conv_ends ends = {
        .leaky = n->attr.conv.leaky,
        .tanh = n->attr.conv.tanh,
        .bias = n->in[2],
    };
    emit_forward(e, &c, n->in[0], operand_of(e, n), &ends,
                 (struct gradient){ n->out, ACCESS_WRITE, 0 });
}

static void conv_backward(struct emitter *e, const struct op_node *n)
{
    const struct conv c = conv_of(n);
    struct tensor *dy = sum_gradient(e, n);
    struct gradient dx = emit_gradient(e, n->in[0]);
    const struct conv_ends ends = { .z = n->attr.conv.leaky ? emit_value(e, n->in[0])
                                                            : NULL };
    if (dx.tensor)
        emit_backward_input(e, &c, dy, operand_of(e, n), &ends, dx);
}

// Apart from conv_backward, which the next node's backward pass waits for: see struct
// op.
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

// Whether a convolution maps a side of `size` elements to one of `result`. Sides that
// differ by less than the stride map to the same one, so the caller has to say which.
static bool has_size(const struct conv_attributes *a, uint32_t size, uint32_t result)
{
    const uint64_t padded = size + 2 * (uint64_t)a->pad;
    return padded >= a->kernel && (padded - a->kernel) / a->stride + 1 == result;
}

// As torch.nn.ConvTranspose2d with dilation 1: a side is (h - 1) stride - 2 pad + k +
// output_pad, where output_pad selects one of the sides that the convolution maps to h.
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
        log_error("%s: the output cannot be %ux%u: no convolution maps it to "
                  "%s",
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
    const struct conv_ends ends = {
        .leaky = n->attr.conv.leaky,
        .tanh = n->attr.conv.tanh,
        .bias = n->in[2],
    };
    emit_backward_input(e, &c, n->in[0], operand_of(e, n), &ends,
                        (struct gradient){ n->out, ACCESS_WRITE, 0 });
}

static void conv_transpose_backward(struct emitter *e, const struct op_node *n)
{
    const struct conv c = conv_transpose_of(n);
    struct tensor *dy = sum_gradient(e, n);
    struct gradient dx = emit_gradient(e, n->in[0]);
    const struct conv_ends ends = { .z = n->attr.conv.leaky ? emit_value(e, n->in[0])
                                                            : NULL };
    if (dx.tensor)
        emit_forward(e, &c, dy, operand_of(e, n), &ends, dx);
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
