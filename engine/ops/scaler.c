// SPDX-License-Identifier: MIT
//
// The loss scale of networks that are trained in f16. All about it is in
// shared/scaler.h.

#include "shared/scaler.h"

#include "ops/op.h"
#include "tensor/weights.h"

_Static_assert(sizeof(struct scaler_block) == WEIGHTS_SCALER * sizeof(float),
               "the tensor of the loss scale");

void scaler_emit(struct emitter *e, struct tensor *scaler, const struct optimizer *o)
{
    const bool is_adam = o->kind == OPTIMIZER_ADAM;
    const struct scaler_params params = {
        .beta1 = is_adam ? (float)o->beta1 : 0.0f,
        .beta2 = is_adam ? (float)o->beta2 : 0.0f,
    };
    emit_call(e, &(struct call){
                     .shader = SHADER_SCALER,
                     CALL_SPEC(OP_WORKGROUP),
                     .use = { { scaler, ACCESS_READ_WRITE } },
                     .uses_step = true,
                     CALL_PARAMS(params),
                     .grid = { 1, 1, 1 },
                     .flops = 16,
                 });
}
