// SPDX-License-Identifier: MIT
//
// Optimisers: Adam (Kingma and Ba 2015) and SGD with momentum, one call for each
// weight. The formulas are in shared/adam.h. What changes with the step (learning rate,
// Adam's bias corrections) is in the step block, so that calls are recorded once.

#include "shared/adam.h"

#include "ops/op.h"
#include "tensor/weights.h"

_Static_assert(sizeof(struct adam_params) <= CALL_MAX_PARAMS, "push constants");
_Static_assert(sizeof(struct sgd_params) <= CALL_MAX_PARAMS, "push constants");

// 1 - beta is computed in doubles: in floats 1 - 0.999 is wrong in the fifth digit.
struct adam_rule adam_rule(const struct optimizer *o)
{
    return (struct adam_rule){
        .beta1 = (float)o->beta1,
        .beta2 = (float)o->beta2,
        .one_beta1 = (float)(1.0 - o->beta1),
        .one_beta2 = (float)(1.0 - o->beta2),
        .epsilon = (float)o->epsilon,
    };
}

// All four storage buffers that Vulkan guarantees are in use, so the flag shares one
// with v; the numbers of the step come in a uniform buffer beside them. Weights are
// never slices, so no view is passed.
static void adam_emit(struct emitter *e, struct weight *w, const struct optimizer *o)
{
    const uint64_t count = shape_count(w->value.shape);
    const struct grid grid = grid_linear(count);
    const struct adam_params params = {
        .count = (uint32_t)count,
        .stride = grid_stride(grid),
        .part = weight_part(w),
        .rule = adam_rule(o),
    };
    emit_call(e, &(struct call){
                     .shader = SHADER_ADAM,
                     CALL_SPEC(OP_WORKGROUP),
                     .use = { { &w->value, ACCESS_READ_WRITE },
                              { &w->gradient, ACCESS_READ },
                              { &w->m, ACCESS_READ_WRITE },
                              { &w->v_and_flag, ACCESS_READ_WRITE } },
                     .uses_step = true,
                     CALL_PARAMS(params),
                     .grid = grid,
                     .flops = 12 * count,
                 });
}

// The momentum lives where Adam has its first moment. v stays as it is.
static void sgd_emit(struct emitter *e, struct weight *w, const struct optimizer *o)
{
    const uint64_t count = shape_count(w->value.shape);
    const struct grid grid = grid_linear(count);
    const struct sgd_params params = {
        .count = (uint32_t)count,
        .stride = grid_stride(grid),
        .momentum = (float)o->momentum,
    };
    emit_call(e, &(struct call){
                     .shader = SHADER_SGD,
                     CALL_SPEC(OP_WORKGROUP),
                     .use = { { &w->value, ACCESS_READ_WRITE },
                              { &w->gradient, ACCESS_READ },
                              { &w->m, ACCESS_READ_WRITE },
                              { &w->flag_and_copy, ACCESS_WRITE } },
                     .uses_step = true,
                     CALL_PARAMS(params),
                     .grid = grid,
                     .flops = 4 * count,
                 });
}

void optimizer_emit(struct emitter *e, struct weight *w, const struct optimizer *o)
{
    if (o->kind == OPTIMIZER_ADAM)
        adam_emit(e, w, o);
    else
        sgd_emit(e, w, o);
}
