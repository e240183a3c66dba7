// SPDX-License-Identifier: MIT
//
// Calls of convolutions. See conv_kernel.h; the meaning of constants and params is in
// shared/conv.h.

#include "ops/conv_kernel.h"

#include "ops/conv_choice.h"
#include "ops/emitter.h"
#include "shared/conv.h"

#include <assert.h>

_Static_assert(sizeof(struct conv_params) <= CALL_MAX_PARAMS, "push constants");
_Static_assert(sizeof(struct conv_weight_params) <= CALL_MAX_PARAMS, "push constants");
_Static_assert(offsetof(struct conv_weight_params, conv) == 0, "views of both");

#define OTHER 2     // the binding of bias, z or the gradient so far
#define OUTPUT 3    // the binding of the output

struct conv_kernel conv_kernel_choose(struct emitter *e, const struct conv *c,
                                      enum conv_direction direction,
                                      const struct tensor *a, const struct tensor *b)
{
    // Without memory an operand may be missing; emit_call() emits nothing then.
    const bool is_same = a && b && a->format == b->format;
    const struct conv_shape shape = {
        .direction = direction,
        .x = c->x,
        .c_out = c->y.c,
        .kernel = c->attr.kernel,
        .stride = c->attr.stride,
        .pad = c->attr.pad,
        .format = is_same ? a->format : TENSOR_F32,
    };
    assert(shape_equal(conv_shape_y(&shape), c->y));
    // For every convolution, whoever chooses its kernel: the tuner needs all shapes.
    emit_product(e, &shape);
    return (struct conv_kernel){
        .conv = c,
        .shape = shape,
        .product = conv_shape_product(&shape),
        .variant = conv_choice_of(emit_limits(e), &shape),
    };
}

// ---------------------------------------------------------------------------
// Kinds of kernels
//
// Each sets the workgroup, the constants, the grid and the way operands are fetched,
// and returns the iterations of all loops of an invocation for each of the product's
// terms.

// One axis has 65535 workgroups only, so the rest goes to y. Kernels number them by
// groups_x; those beyond the last in the last row do nothing.
static void set_groups(struct call *call, struct conv_params *params, uint64_t groups,
                       uint32_t phases)
{
    params->groups_x = (uint32_t)MIN(groups, OP_MAX_GROUPS);
    call->grid = (struct grid){ params->groups_x,
                                (uint32_t)DIV_UP(groups, params->groups_x), phases };
}

static uint64_t set_simple(const struct conv_kernel *k, const struct op_limits *limits,
                           struct call *call, struct conv_params *params)
{
    (void)limits;
    const uint64_t count = shape_count(conv_shape_out(&k->shape));
    call->spec[0] = OP_WORKGROUP;
    call->grid = grid_linear(count);
    params->stride = grid_stride(call->grid);
    // An invocation computes every stride-th element of the output, and goes through
    // the terms again for each of them.
    return DIV_UP(count, params->stride) * 2 * (k->product.inner + 1);
}

// A workgroup for each tile of the product.
static uint64_t set_product(const struct conv_kernel *k, const struct op_limits *limits,
                            struct call *call, struct conv_params *params)
{
    const struct conv_variant *v = k->variant;
    const struct conv_product *p = &k->product;
    call->spec[0] = conv_variant_invocations(v, limits);
    call->spec[CONV_SPEC_TILE_M] = v->m;
    call->spec[CONV_SPEC_TILE_N] = v->n;
    call->spec[CONV_SPEC_TILE_K] = v->k;
    call->spec[CONV_SPEC_REG_M] = v->reg_m;
    call->spec[CONV_SPEC_REG_N] = v->reg_n;
    set_groups(call, params, DIV_UP(p->m, v->m) * DIV_UP(p->n, v->n), p->phases);
    // Staging a step takes a few beside those over k.
    return 3 * p->inner;
}

static uint64_t set_tiles(const struct conv_kernel *k, const struct op_limits *limits,
                          struct call *call, struct conv_params *params)
{
    call->spec[CONV_SPEC_DIRECT] = k->variant->kind == CONV_DIRECT;
    call->spec[CONV_SPEC_RAGGED] = k->product.m % 4 != 0 ||
                                   shape_count(k->conv->x) < 4 ||
                                   shape_count(k->conv->y) < 4;
    return set_product(k, limits, call, params);
}

static uint64_t set_rows(const struct conv_kernel *k, const struct op_limits *limits,
                         struct call *call, struct conv_params *params)
{
    const struct conv_variant *v = k->variant;
    const uint32_t invocations = conv_variant_invocations(v, limits);
    const struct conv_rows rows = conv_variant_rows(v, &k->shape, invocations);
    call->spec[0] = invocations;
    call->spec[CONV_SPEC_LANES] = invocations;
    call->spec[CONV_SPEC_FOURS_A] = rows.fours_a;
    call->spec[CONV_SPEC_FOURS_LINE] = rows.fours_line;
    call->spec[CONV_SPEC_REG_M] = v->reg_m;
    call->spec[CONV_SPEC_REG_N] = v->reg_n;
    call->subgroup = conv_variant_subgroup(v, limits);
    call->use[0].fetch = rows.fours_line ? FETCH_FOURS : FETCH_FLOATS;
    call->use[1].fetch = rows.fours_a ? FETCH_FOURS : FETCH_FLOATS;
    set_groups(call, params, rows.groups, rows.phases);
    return rows.steps + 1;
}

static uint64_t set_vector(const struct conv_kernel *k, const struct op_limits *limits,
                           struct call *call, struct conv_params *params)
{
    const struct conv_variant *v = k->variant;
    const struct conv_vector vector = conv_variant_vector(v, &k->shape);
    const bool forward = k->shape.direction == CONV_FORWARD;
    // The sizes are constants here, so that loops over a few pixels are unrolled.
    call->spec[0] = conv_variant_invocations(v, limits);
    call->spec[CONV_SPEC_H_IN] = k->conv->x.h;
    call->spec[CONV_SPEC_W_IN] = k->conv->x.w;
    call->spec[CONV_SPEC_H_OUT] = k->conv->y.h;
    call->spec[CONV_SPEC_W_OUT] = k->conv->y.w;
    call->spec[CONV_SPEC_CHANNELS] = forward ? v->reg_m : v->m;
    call->spec[CONV_SPEC_ROWS] = vector.rows;
    call->use[0].fetch = vector.fours ? FETCH_FOURS : FETCH_FLOATS;
    call->use[1].fetch = FETCH_FOURS;
    set_groups(call, params, vector.groups, 1);
    return forward ? k->shape.kernel : 1;
}

// Whether the first operand of the product lies in runs of eight neighbours in k, at
// multiples of eight: the weights forward, dy of a weight gradient. A call may begin at
// any term.
static bool has_runs(const struct conv_kernel *k, const struct call *call)
{
    const struct tensor *first = call->use[1].tensor;
    return k->shape.direction != CONV_BACKWARD_INPUT && first &&
           tensor_format_is_16(first->format) && k->product.inner % 8 == 0;
}

static uint64_t set_matrix(const struct conv_kernel *k, const struct op_limits *limits,
                           struct call *call, struct conv_params *params)
{
    const struct gpu_matrix_product *units =
        tensor_matrix_product(&limits->matrix, k->shape.format);
    assert(units);
    call->spec[CONV_SPEC_RUNS_A] = has_runs(k, call);
    call->spec[CONV_SPEC_SUBGROUP] = limits->matrix.subgroup;
    call->spec[CONV_SPEC_UNIT_M] = units->m;
    call->spec[CONV_SPEC_UNIT_N] = units->n;
    call->spec[CONV_SPEC_UNIT_K] = units->k;
    call->spec_count = CONV_SPEC_UNIT_K + 1;
    call->subgroup = conv_variant_subgroup(k->variant, limits);
    return set_product(k, limits, call, params);
}

static uint64_t set_kind(struct emitter *e, const struct conv_kernel *k,
                         struct call *call, struct conv_params *params)
{
    static uint64_t (*const setters[CONV_KIND_COUNT])(
        const struct conv_kernel *, const struct op_limits *, struct call *,
        struct conv_params *) = {
        [CONV_SIMPLE] = set_simple, [CONV_SHARED] = set_tiles,
        [CONV_DIRECT] = set_tiles,  [CONV_FETCH] = set_rows,
        [CONV_SHARE] = set_rows,    [CONV_VECTOR] = set_vector,
        [CONV_MATRIX] = set_matrix,
    };
    return setters[k->variant->kind](k, emit_limits(e), call, params);
}

// ---------------------------------------------------------------------------
// Sums

// Emits a call whose sum is computed in `parts` parts by workgroups of their own: into
// slabs of the output's shape, which a second call adds up in order. Only that one does
// what is done with complete sums.
static void emit_slabs(struct emitter *e, struct call call,
                       struct conv_weight_params *params, struct shape out,
                       uint32_t parts, bool is_weight)
{
    const uint64_t count = shape_count(out);
    out.n *= parts;
    struct tensor *slabs = emit_temporary(e, "parts of a sum", out);
    struct call reduce = call;
    call.spec[CONV_SPEC_PARTS] = parts;
    call.grid.z *= parts;
    call.use[OUTPUT].tensor = slabs;
    call.use[OUTPUT].access = ACCESS_WRITE;
    // Only the second kernel reads the bias, z or the gradient so far, if there is one.
    const bool has_other =
        is_weight ? call.spec[CONV_SPEC_ACCUMULATE]
                  : call.spec[CONV_SPEC_BIAS] ||
                        call.spec[CONV_SPEC_STORE] == CONV_STORE_DERIVATIVE;
    const struct call_use other = call.use[OTHER];
    call.use[OTHER] = call.use[is_weight ? 0 : 1];
    params->conv.slab = (uint32_t)count;
    emit_call(e, &call);

    reduce.shader = is_weight ? SHADER_CONV_REDUCE_WEIGHT : SHADER_CONV_REDUCE;
    reduce.spec[0] = OP_WORKGROUP;
    reduce.subgroup = 0;
    reduce.grid = grid_linear(count);
    reduce.use[0] = (struct call_use){ slabs, ACCESS_READ };
    reduce.use[1] = has_other ? other : reduce.use[0];
    reduce.use[2] = reduce.use[OUTPUT];
    if (reduce.use[2].view)
        reduce.use[2].view = CALL_VIEW(struct conv_params, y);
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
    emit_call(e, &reduce);
}

// What a call does with its part of the sum of a weight gradient. Only the call that
// completes the sum may update the weight; until then the sum so far is in *sum, which
// is made where the gradient has no tensor.
static void set_weight_output(struct emitter *e, const struct weight_gradient *dw,
                              uint64_t count, bool is_last, struct tensor **sum,
                              struct call *call, struct conv_weight_params *params)
{
    const bool updates = dw->state && is_last;
    if (*sum)
        call->use[OTHER] = (struct call_use){ *sum, ACCESS_READ };
    if (updates) {
        params->adam = adam_rule(dw->optimizer);
        params->part = dw->part;
        call->use[OUTPUT] = (struct call_use){ dw->state, ACCESS_READ_WRITE };
    } else {
        if (!*sum)
            *sum = dw->state
                       ? emit_temporary(e, "weight gradient so far",
                                        (struct shape){ 1, 1, 1, (uint32_t)count })
                       : dw->sum.tensor;
        call->use[OUTPUT] = (struct call_use){
            *sum,
            call->spec[CONV_SPEC_ACCUMULATE] ? ACCESS_READ_WRITE : ACCESS_WRITE,
        };
    }
    call->spec[CONV_SPEC_STORE] = updates ? CONV_STORE_ADAM : CONV_STORE_PLAIN;
}

// The same for the other directions: a bias is added once, tanh is taken of complete
// sums. The derivative at z is a factor, so that it may be applied to each part.
static void set_output(const struct conv_ends *ends, bool is_first, bool is_last,
                       struct call *call)
{
    call->spec[CONV_SPEC_BIAS] = ends->bias && is_first;
    call->spec[CONV_SPEC_STORE] = ends->z                 ? CONV_STORE_DERIVATIVE
                                  : ends->tanh && is_last ? CONV_STORE_TANH
                                                          : CONV_STORE_PLAIN;
    // Whatever the first call did, a later one adds to what that left.
    if (!is_first)
        call->use[OUTPUT].access = ACCESS_READ_WRITE;
}

// Either `ends` or `dw` is not NULL.
static void emit_sum(struct emitter *e, const struct conv_kernel *k, struct call call,
                     uint32_t load, const struct conv_ends *ends,
                     const struct weight_gradient *dw)
{
    const struct conv *c = k->conv;
    const struct shape out = conv_shape_out(&k->shape);
    const uint32_t terms = k->product.terms;
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
    call.shader = conv_variant_shader(k->variant, k->shape.direction, k->shape.format);
    call.spec[CONV_SPEC_KERNEL] = c->attr.kernel;
    call.spec[CONV_SPEC_STRIDE] = c->attr.stride;
    call.spec[CONV_SPEC_PAD] = c->attr.pad;
    call.spec[CONV_SPEC_LOAD] = load;
    if (load != CONV_LOAD_PLAIN && c->attr.slope == 0)
        call.spec[CONV_SPEC_LOAD] |= CONV_LOAD_RELU;
    call.spec[CONV_SPEC_PARTS] = 1;
    call.spec_count = CONV_SPEC_PARTS + 1;
    call.params = &params;
    call.params_size = dw ? sizeof(params) : sizeof(params.conv);
    const uint64_t iterations = set_kind(e, k, &call, &params.conv);

    // Where a driver ends long loops, longer sums are made by several calls.
    const uint32_t most = emit_limits(e)->loop_iterations;
    const uint32_t each =
        most ? (uint32_t)MAX(MIN(most / iterations, terms), 1) : terms;
    // A part without terms would be a slab of zeros.
    const uint32_t parts = MIN(k->variant->parts, terms);
    const uint64_t flops = call.flops;
    struct tensor *sum = dw && dw->sum.accumulate ? dw->sum.tensor : NULL;
    const bool accumulates =
        dw ? sum != NULL : call.use[OUTPUT].access == ACCESS_READ_WRITE;
    for (uint32_t first = 0; first < terms; first += each) {
        const uint32_t end = first + MIN(each, terms - first);
        params.conv.sum_first = first;
        params.conv.sum_end = end;
        // Rounded down: a number for plans and the watchdog.
        call.flops = flops / terms * (end - first);
        call.spec[CONV_SPEC_ACCUMULATE] = accumulates || first > 0;
        if (dw)
            set_weight_output(e, dw, shape_count(out), end == terms, &sum, &call,
                              &params);
        else
            set_output(ends, first == 0, end == terms, &call);
        if (parts > 1)
            emit_slabs(e, call, &params, out, parts, dw != NULL);
        else
            emit_call(e, &call);
    }
}

void conv_kernel_emit(struct emitter *e, const struct conv_kernel *k, struct call call,
                      uint32_t load, const struct conv_ends *ends)
{
    emit_sum(e, k, call, load, ends, NULL);
}

void conv_kernel_emit_weight(struct emitter *e, const struct conv_kernel *k,
                             struct call call, uint32_t load,
                             const struct weight_gradient *dw)
{
    emit_sum(e, k, call, load, NULL, dw);
}
