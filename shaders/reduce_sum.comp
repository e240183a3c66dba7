// SPDX-License-Identifier: MIT
//
// y[i] = factor * sum of row i of x, a workgroup each. See shared/reduce.h.

#version 460
#extension GL_GOOGLE_include_directive : require

#include "shared/reduce.h"
#include "lib/reduce.glsl"

layout(local_size_x_id = 0) in;
layout(push_constant) uniform Push { reduce_params p; };
layout(binding = 0) readonly buffer X { STORE x[]; };
layout(binding = 1) writeonly buffer Y { STORE y[]; };

void main()
{
    float sum = 0.0;
    for (uint i = gl_LocalInvocationIndex; i < p.count; i += REDUCE_WORKGROUP)
        sum += x[gl_WorkGroupID.x * p.count + i];
    sum = workgroup_sum(vec2(sum, 0.0)).x;
    if (gl_LocalInvocationIndex == 0)
        y[gl_WorkGroupID.x] = p.factor * sum;
}
