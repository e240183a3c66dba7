// SPDX-License-Identifier: MIT
//
// The end of the weight gradient: stored, or used up by Adam at once. See
// shared/conv.h and shared/adam.h. The kernel includes it after its params; bindings 2,
// 3 and the step block are declared here.

#include "shared/step.h"
#include "lib/adam.glsl"
#include "lib/conv_parts.glsl"
#include "lib/tensor.glsl"

layout(constant_id = CONV_SPEC_ACCUMULATE) const uint accumulate = 0;
layout(constant_id = CONV_SPEC_STORE) const uint store = CONV_STORE_PLAIN;

#ifndef CONV_STORE_BINDING
#define CONV_STORE_BINDING 2
#endif
layout(binding = CONV_STORE_BINDING) readonly buffer Before { STORE before[]; };    // the gradient so far
layout(binding = CONV_STORE_BINDING + 1) buffer Out { STORE out_[]; };    // dw, or [value | m | v | flag | copy]
layout(binding = CONV_STORE_BINDING) readonly buffer BeforeFours { vec4 before_fours[]; };
layout(binding = CONV_STORE_BINDING + 1) buffer OutFours { vec4 out_fours[]; };
layout(binding = 5) uniform Step { step_block s; };

#ifdef PIX_16BIT
layout(binding = CONV_STORE_BINDING + 1) buffer OutHalves { uint16_t out_halves[]; };
#endif

// A new value goes into the copy of 16 bits too, if the weight has one.
void conv_update_copy(uint at, float value)
{
#ifdef PIX_16BIT
    if (format_of(FORMAT_OF_COPY) != FORMAT_F32)
        out_halves[2 * (3 * p.part + FLAG_ELEMENTS) + at] =
            uint16_t(number_to_16(value, format_of(FORMAT_OF_COPY)));
#endif
}

// After the last sum of an invocation.
void conv_update_end()
{
    if (store == CONV_STORE_ADAM && parts == 1 && adam_is_broken)
        out_[3 * p.part] = FLAG_NOT_FINITE;
}

void conv_update(uint at, float sum)
{
    if (parts != 1) {
        out_[conv_part() * p.conv.slab + at] = sum;
        return;
    }
    if (accumulate != 0)
        sum += before[at];
    if (store == CONV_STORE_ADAM) {
        if (scaler_skips())
            return;
        vec3 state = vec3(out_[at], out_[p.part + at], out_[2 * p.part + at]);
        state = adam_update(state, sum, p.adam, s);
        out_[at] = state.x;
        conv_update_copy(at, state.x);
        out_[p.part + at] = state.y;
        out_[2 * p.part + at] = state.z;
    } else {
        out_[at] = sum;
    }
}

// Four neighbours at a multiple of four, where weights come in fours.
void conv_update_four(uint at, vec4 sum)
{
    if (parts != 1) {
        out_fours[(conv_part() * p.conv.slab + at) / 4] = sum;
        return;
    }
    if (accumulate != 0)
        sum += before_fours[at / 4];
    if (store == CONV_STORE_ADAM) {
        if (scaler_skips())
            return;
        uint at_m = (p.part + at) / 4, at_v = (2 * p.part + at) / 4;
        vec4 w = out_fours[at / 4], m = out_fours[at_m], v = out_fours[at_v];
        for (uint i = 0; i < 4; i++) {
            vec3 state = adam_update(vec3(w[i], m[i], v[i]), sum[i], p.adam, s);
            w[i] = state.x;
            m[i] = state.y;
            v[i] = state.z;
            conv_update_copy(at + i, w[i]);
        }
        out_fours[at / 4] = w;
        out_fours[at_m] = m;
        out_fours[at_v] = v;
    } else {
        out_fours[at / 4] = sum;
    }
}
