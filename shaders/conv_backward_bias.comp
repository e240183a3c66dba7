// SPDX-License-Identifier: MIT
//
// db[c] = sum over n,i,j of dy[n,c,i,j], see shared/conv.h. One workgroup per channel:
// each invocation sums elements a workgroup apart, then the invocations' sums are added,
// always in the same order.

#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require

#include "shared/conv.h"
#include "shared/reduce.h"
#include "lib/reduce.glsl"
#include "lib/tensor.glsl"

layout(local_size_x_id = 0) in;

layout(push_constant) uniform Push { conv_bias_params p; };
TENSOR_READ(0, dy)
layout(binding = 1) buffer DB { STORE db[]; };

void main()
{
    uint c = gl_WorkGroupID.y * p.groups_x + gl_WorkGroupID.x;
    if (c >= p.c)
        return;
    vec2 sum = vec2(0.0);
    for (uint n = 0; n < p.n; n++) {
        uint first = p.y.offset + n * p.y.stride + c * p.plane;
        REDUCE_EACH(k, p.plane, sum.x += dy_at(first + k))
    }
    sum = workgroup_sum(sum);
    if (gl_LocalInvocationIndex == 0)
        db[c] = p.accumulate != 0 ? db[c] + sum.x : sum.x;
}
