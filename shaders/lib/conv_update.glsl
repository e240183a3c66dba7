// SPDX-License-Identifier: MIT
//
// The end of the weight gradient: stored, or used up by Adam at once. See
// shared/conv.h and shared/adam.h. The kernel includes it after its params; bindings 2,
// 3 and the step block are declared here.

#include "shared/step.h"
#include "lib/adam.glsl"

layout(constant_id = CONV_SPEC_ACCUMULATE) const uint accumulate = 0;
layout(constant_id = CONV_SPEC_STORE) const uint store = CONV_STORE_PLAIN;

layout(binding = 2) readonly buffer Before { STORE before[]; };    // the gradient so far
layout(binding = 3) buffer Out { STORE out_[]; };    // dw, or [value | m | v]
layout(binding = 4) uniform Step { step_block s; };

void conv_update(uint at, float sum)
{
    if (accumulate != 0)
        sum += before[at];
    if (store == CONV_STORE_ADAM) {
        vec3 state = vec3(out_[at], out_[p.part + at], out_[2 * p.part + at]);
        state = adam_update(state, sum, p.adam, s);
        out_[at] = state.x;
        out_[p.part + at] = state.y;
        out_[2 * p.part + at] = state.z;
    } else {
        out_[at] = sum;
    }
}
