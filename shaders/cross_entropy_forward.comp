// SPDX-License-Identifier: MIT
//
// Sums the cross entropy of the pixels of each workgroup into one partial sum. See
// shared/softmax.h.

#version 460
#extension GL_GOOGLE_include_directive : require

#include "shared/softmax.h"
#include "shared/reduce.h"
#include "lib/grid.glsl"
#include "lib/reduce.glsl"
#include "lib/softmax.glsl"

layout(local_size_x_id = 0) in;

layout(push_constant) uniform Push { cross_entropy_params p; };
layout(binding = 0) readonly buffer X { STORE x[]; };
layout(binding = 1) readonly buffer T { STORE t[]; };
layout(binding = 2) writeonly buffer Partial { STORE partial[]; };

void main()
{
    float total = 0.0;
    GRID_STRIDE(i, p.count) {
        uint n = i / p.plane;
        uint at_x = p.x.offset + n * p.x.stride + i % p.plane;
        uint at_t = p.t.offset + n * p.t.stride + i % p.plane;
        SOFTMAX_FIND(x, at_x, p.channels, p.plane, largest, sum)
        float rest = log(sum);
        for (uint c = 0; c < p.channels; c++)
            total += (0.5 * t[at_t + c * p.plane] + 0.5) * (rest + (largest - x[at_x + c * p.plane]));
    }
    total = workgroup_sum(vec2(total, 0.0)).x;
    if (gl_LocalInvocationIndex == 0)
        partial[gl_WorkGroupID.x] = total;
}
