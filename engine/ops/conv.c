// SPDX-License-Identifier: MIT
//
// Convolution and transposed convolution, both with an optional bias, and the choice of
// kernels for them. The formulas are in shared/conv.h.
//
// A transposed convolution needs no kernels of its own. It is the convolution from its
// output to its input, read backwards: its forward pass is that convolution's input
// gradient, its input gradient is the convolution, its weight gradient is the
// convolution's with the roles of input and output gradient exchanged. The layouts of
// the weights agree as well: [c_out, c_in, k, k] of that convolution is PyTorch's
// [c_in, c_out, k, k] of the transposed one.

#include "shared/conv.h"

#include <assert.h>

#include "base/log.h"
#include "ops/op.h"

#define MAX_GROUPS 65535    // guaranteed on each axis
#define MAX_STRIDE 255      // its square, the number of phases, is a number of groups

_Static_assert(sizeof(struct conv_params) <= CALL_MAX_PARAMS, "push constants");

// ---------------------------------------------------------------------------
// Choice of kernels

static enum conv_choice chosen = CONV_TILED;

void conv_choose(enum conv_choice choice)
{
    chosen = choice;
}

// A matrix product, see lib/tile.glsl: m x n numbers, each a sum of k.
struct product {
    uint64_t m, n, k;
    bool b_along_k;    // as TILE_B_ALONG_K of the kernel
};

struct tile {
    uint32_t m, n, k;         // of a workgroup
    uint32_t reg_m, reg_n;    // of an invocation
    bool direct;              // without shared memory
};

static uint32_t tile_invocations(const struct tile *t)
{
    return t->m / t->reg_m * (t->n / t->reg_n);
}

#include "/tmp/conv/tile_override.h"
// Depends on nothing but the product and the limits, so that two runs add in the same
// order.
static struct tile choose_tile(const struct op_limits *limits, const struct product *p)
{
    OVERRIDE
    (void)limits;
    (void)p;
    return (struct tile){ 64, 64, 16, 8, 4, false };
}

// ---------------------------------------------------------------------------
// Calls

// The convolution from x to y, whichever of them is the node's input.
struct conv {
    struct conv_attributes attr;
    struct shape x, y;
};

// Emits a call whose shader, use and flops are given.
static void emit_kernel(struct emitter *e, const struct conv *c, struct call call,
                        const struct product *product, uint32_t phases, bool bias,
                        const struct gradient *out)
{
    struct conv_params params = {
        .n = c->x.n,
        .c_in = c->x.c,
        .h_in = c->x.h,
        .w_in = c->x.w,
        .c_out = c->y.c,
        .h_out = c->y.h,
        .w_out = c->y.w,
    };
    call.spec[CONV_SPEC_KERNEL] = c->attr.kernel;
    call.spec[CONV_SPEC_STRIDE] = c->attr.stride;
    call.spec[CONV_SPEC_PAD] = c->attr.pad;
    call.spec[CONV_SPEC_BIAS] = bias;
    call.spec[CONV_SPEC_ACCUMULATE] = out->accumulate;
    if (chosen == CONV_SIMPLE) {
        call.spec[0] = OP_WORKGROUP;
        call.spec_count = CONV_SPEC_ACCUMULATE + 1;
        call.grid = grid_linear(shape_count(out->tensor->shape));
        params.stride = grid_stride(call.grid);
    } else {
        const struct tile tile = choose_tile(emit_limits(e), product);
        call.spec[0] = tile_invocations(&tile);
        call.spec[CONV_SPEC_TILE_M] = tile.m;
        call.spec[CONV_SPEC_TILE_N] = tile.n;
        call.spec[CONV_SPEC_TILE_K] = tile.k;
        call.spec[CONV_SPEC_REG_M] = tile.reg_m;
        call.spec[CONV_SPEC_REG_N] = tile.reg_n;
        call.spec[CONV_SPEC_DIRECT] = tile.direct;
        call.spec_count = CONV_SPEC_DIRECT + 1;
        uint64_t groups = DIV_UP(product->m, tile.m) * DIV_UP(product->n, tile.n);
        params.groups_x = (uint32_t)MIN(groups, MAX_GROUPS);
        call.grid = (struct grid){ params.groups_x,
                                   (uint32_t)DIV_UP(groups, params.groups_x), phases };
    }
    call.params = &params;
    call.params_size = sizeof(params);
    emit(e, &call);
}

// Without a bias its binding gets the weights, which are not read through it.
static void emit_forward(struct emitter *e, const struct conv *c, struct tensor *x,
                         struct tensor *w, struct tensor *b, struct gradient y)
{
    const struct product product = {
        .m = c->y.c,
        .n = (uint64_t)c->y.n * c->y.h * c->y.w,
        .k = (uint64_t)c->x.c * c->attr.kernel * c->attr.kernel,
    };
    const struct call call = {
        .shader = chosen == CONV_SIMPLE ? SHADER_CONV_FORWARD : SHADER_CONV_FORWARD_TILED,
        .use = { { x, ACCESS_READ },
                 { w, ACCESS_READ },
                 { b ? b : w, ACCESS_READ },
                 { y.tensor, y.access } },
        .flops = 2 * product.m * product.n * product.k,
    };
    emit_kernel(e, c, call, &product, 1, b != NULL, &y);
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
                                struct tensor *dy, struct tensor *w, struct tensor *b,
                                struct gradient dx)
{
    // There is one product for each phase; this is as large as any of them.
    uint32_t stride = c->attr.stride;
    uint64_t taps = DIV_UP(c->attr.kernel, stride);
    const struct product product = {
        .m = c->x.c,
        .n = (uint64_t)c->x.n * DIV_UP(c->x.h, stride) * DIV_UP(c->x.w, stride),
        .k = c->y.c * taps * taps,
    };
    const struct call call = {
        .shader = chosen == CONV_SIMPLE ? SHADER_CONV_BACKWARD_INPUT
                                        : SHADER_CONV_BACKWARD_INPUT_TILED,
        .use = { { dy, ACCESS_READ },
                 { w, ACCESS_READ },
                 { b ? b : w, ACCESS_READ },
                 { dx.tensor, dx.access } },
        .flops = 2 * (uint64_t)c->x.n * c->x.c * c->y.c *
                 meeting_taps(c->x.h, &c->attr) * meeting_taps(c->x.w, &c->attr),
    };
    emit_kernel(e, c, call, &product, stride * stride, b != NULL, &dx);
}

static void emit_backward_weight(struct emitter *e, const struct conv *c,
                                 struct tensor *x, struct tensor *dy,
                                 struct gradient dw)
{
    const struct product product = {
        .m = c->y.c,
        .n = (uint64_t)c->x.c * c->attr.kernel * c->attr.kernel,
        .k = (uint64_t)c->y.n * c->y.h * c->y.w,
        .b_along_k = true,
    };
    const struct call call = {
        .shader = chosen == CONV_SIMPLE ? SHADER_CONV_BACKWARD_WEIGHT
                                        : SHADER_CONV_BACKWARD_WEIGHT_TILED,
        .use = { { x, ACCESS_READ }, { dy, ACCESS_READ }, { dw.tensor, dw.access } },
        .flops = 2 * product.m * product.n * product.k,
    };
    emit_kernel(e, c, call, &product, 1, false, &dw);
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
        .groups_x = MIN(s.c, MAX_GROUPS),
    };
    emit(e, &(struct call){
                .shader = SHADER_CONV_BACKWARD_BIAS,
                CALL_SPEC(OP_WORKGROUP),
                .use = { { dy, ACCESS_READ }, { db.tensor, db.access } },
                .grid = { params.groups_x, DIV_UP(s.c, params.groups_x), 1 },
                .flops = shape_count(s),
                CALL_PARAMS(params),
            });
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
    if (n->in[2] && (n->in[2]->shape.c != c_out || shape_count(n->in[2]->shape) != c_out)) {
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
    log_error("%s: a kernel of %u with stride %u is not possible; the kernel is at least "
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
        log_error("%s: the input %s with %u of padding is smaller than the kernel of the "
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
    emit_forward(e, &c, n->in[0], n->in[1], n->in[2],
                 (struct gradient){ n->out, ACCESS_WRITE, 0 });
}

static void conv_backward(struct emitter *e, const struct op_node *n)
{
    const struct conv c = conv_of(n);
    struct tensor *dy = emit_output_gradient(e, n->out);
    struct gradient dx = emit_gradient(e, n->in[0]);
    struct gradient dw = emit_gradient(e, n->in[1]);
    if (dx.tensor)
        emit_backward_input(e, &c, dy, emit_value(e, n->in[1]), NULL, dx);
    if (dw.tensor)
        emit_backward_weight(e, &c, emit_value(e, n->in[0]), dy, dw);
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
};

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
    emit_backward_input(e, &c, n->in[0], n->in[1], n->in[2],
                        (struct gradient){ n->out, ACCESS_WRITE, 0 });
}

static void conv_transpose_backward(struct emitter *e, const struct op_node *n)
{
    const struct conv c = conv_transpose_of(n);
    struct tensor *dy = emit_output_gradient(e, n->out);
    struct gradient dx = emit_gradient(e, n->in[0]);
    struct gradient dw = emit_gradient(e, n->in[1]);
    if (dx.tensor)
        emit_forward(e, &c, dy, emit_value(e, n->in[1]), NULL, dx);
    if (dw.tensor)
        emit_backward_weight(e, &c, dy, emit_value(e, n->in[0]), dw);
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
};
