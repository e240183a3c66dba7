// SPDX-License-Identifier: MIT
//
// Mean and variance of a rectangle of a channel by one workgroup, in two passes as in
// norm_forward. See shared/moments.h.

#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require

#include "shared/moments.h"
#include "lib/reduce.glsl"
#include "lib/tensor.glsl"

layout(local_size_x_id = 0) in;

layout(push_constant) uniform Push { moments_params p; };
TENSOR_READ(0, x)
layout(binding = 1) readonly buffer Region { STORE region[]; };
layout(binding = 2) writeonly buffer Y { STORE y[]; };

void main()
{
    uint group = gl_WorkGroupID.y * p.row + gl_WorkGroupID.x;
    if (group >= p.groups)
        return;
    uint n = group / p.channels;
    uint c = group % p.channels;
    uint top = min(uint(region[MOMENTS_TOP]) / p.step, p.h);
    uint left = min(uint(region[MOMENTS_LEFT]) / p.step, p.w);
    uint bottom = min(uint(region[MOMENTS_BOTTOM]) / p.step, p.h);
    uint right = min(uint(region[MOMENTS_RIGHT]) / p.step, p.w);
    uint width = max(right, left + 1) - left;
    uint count = width * (max(bottom, top + 1) - top);
    float inverse_count = 1.0 / float(count);
    uint first = p.x.offset + n * p.x.stride + (c * p.h + top) * p.w + left;

    float sum = 0.0;
    REDUCE_EACH(k, count, sum += x_at(first + k / width * p.w + k % width))
    float mean = workgroup_sum(vec2(sum, 0.0)).x * inverse_count;

    // The differences themselves take back the rounding of the first pass.
    vec2 sums = vec2(0.0);
    REDUCE_EACH(k, count, float d = x_at(first + k / width * p.w + k % width) - mean;
                sums += vec2(d, d * d))
    sums = workgroup_sum(sums) * inverse_count;

    if (gl_LocalInvocationIndex == 0) {
        y[group * MOMENTS + MOMENTS_MEAN] = mean + sums.x;
        y[group * MOMENTS + MOMENTS_VARIANCE] = max(sums.y - sums.x * sums.x, 0.0);
    }
}
