// SPDX-License-Identifier: MIT
//
// y = factor * sum of (sqrt(square) - 1)^2 over the samples, by one workgroup. See
// shared/penalty.h.

#version 460
#extension GL_GOOGLE_include_directive : require

#include "shared/penalty.h"
#include "lib/reduce.glsl"

layout(local_size_x_id = 0) in;
layout(push_constant) uniform Push { penalty_forward_params p; };
layout(binding = 0) readonly buffer Squares { STORE squares[]; };
layout(binding = 1) writeonly buffer Y { STORE y[]; };

void main()
{
    float sum = 0.0;
    for (uint n = gl_LocalInvocationIndex; n < p.samples; n += REDUCE_WORKGROUP) {
        float d = sqrt(squares[n]) - 1.0;
        sum += d * d;
    }
    sum = workgroup_sum(vec2(sum, 0.0)).x;
    if (gl_LocalInvocationIndex == 0)
        y[0] = p.factor * sum;
}
