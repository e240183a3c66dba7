// SPDX-License-Identifier: MIT
//
// Sums w (a - b)^2 over the elements of each workgroup into one partial sum; a row of
// workgroups has a sample. See shared/distance.h.

#version 460
#extension GL_GOOGLE_include_directive : require

#include "shared/distance.h"
#include "lib/grid.glsl"
#include "lib/reduce.glsl"

layout(local_size_x_id = 0) in;

layout(push_constant) uniform Push { distance_params p; };
layout(binding = 0) readonly buffer A { STORE a[]; };
layout(binding = 1) readonly buffer B { STORE b[]; };
layout(binding = 2) readonly buffer W { STORE w[]; };
layout(binding = 3) writeonly buffer Partial { STORE partial[]; };

void main()
{
    uint first_a = p.a.offset + gl_WorkGroupID.y * p.a.stride;
    uint first_b = p.b.offset + gl_WorkGroupID.y * p.b.stride;
    float sum = 0.0;
    GRID_STRIDE(i, p.count) {
        float d = a[first_a + i] - b[first_b + i];
        sum += w[i / p.plane] * d * d;
    }
    sum = workgroup_sum(vec2(sum, 0.0)).x;
    if (gl_LocalInvocationIndex == 0)
        partial[gl_WorkGroupID.y * (p.stride / REDUCE_WORKGROUP) + gl_WorkGroupID.x] = sum;
}
