// SPDX-License-Identifier: MIT
//
// Adam's step of scale and shift, by the sums in the records; one invocation for each
// channel. See shared/norm.h and shared/adam.h. Scale and shift have a flag each, so
// adam_is_broken begins again with each.

#version 460
#extension GL_GOOGLE_include_directive : require

#define SCALER_BINDING 2

#include "shared/norm.h"
#include "shared/step.h"
#include "lib/adam.glsl"
#include "lib/grid.glsl"

layout(local_size_x_id = 0) in;
layout(push_constant) uniform Push { norm_affine_params p; };
layout(binding = 0) readonly buffer Record { STORE record[]; };
layout(binding = 1) buffer Weights { STORE weights[]; };
layout(binding = 5) uniform Step { step_block s; };

void update(uint at, float gradient)
{
    vec3 state = vec3(weights[at], weights[at + p.part], weights[at + 2 * p.part]);
    state = adam_update(state, gradient, p.adam, s);
    weights[at] = state.x;
    weights[at + p.part] = state.y;
    weights[at + 2 * p.part] = state.z;
}

void flag(uint first)
{
    if (adam_is_broken)
        weights[first + 3 * p.part] = FLAG_NOT_FINITE;
    adam_is_broken = false;
}

void main()
{
    if (scaler_skips())
        return;
    GRID_STRIDE(c, p.channels) {
        vec2 sum = vec2(0.0);
        for (uint i = 0; i < p.groups; i++) {
            uint r = (i * p.channels + c) * NORM_RECORD;
            sum += vec2(record[r + NORM_DY_XHAT], record[r + NORM_DY]);
        }
        update(c, sum.x);
        flag(0);
        update(p.shift + c, sum.y);
        flag(p.shift);
    }
}
