// SPDX-License-Identifier: MIT
//
// Moving averages of weights. The formula is in shared/ema.h. 1 - decay is computed in
// doubles, since a decay near 1 leaves few digits of it in floats.

#include "shared/ema.h"

#include "ops/op.h"
#include "tensor/weights.h"

_Static_assert(sizeof(struct ema_params) <= CALL_MAX_PARAMS, "push constants");

void ema_emit(struct emitter *e, struct weight *w, double decay)
{
    const uint64_t count = shape_count(w->value.shape);
    const struct grid grid = grid_linear(count);
    const struct ema_params params = {
        .count = (uint32_t)count,
        .stride = grid_stride(grid),
        .decay = (float)decay,
        .one_decay = (float)(1.0 - decay),
    };
    emit_call(e, &(struct call){
                     .shader = SHADER_EMA,
                     CALL_SPEC(OP_WORKGROUP),
                     .use = { { &w->value, ACCESS_READ },
                              { &w->average, ACCESS_READ_WRITE } },
                     CALL_PARAMS(params),
                     .grid = grid,
                     .flops = 3 * count,
                 });
}
