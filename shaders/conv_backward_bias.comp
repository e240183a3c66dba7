// SPDX-License-Identifier: MIT
//
// db[c] = sum over n,i,j of dy[n,c,i,j], see shared/conv.h. One workgroup per channel:
// each invocation sums elements a workgroup apart, then the invocations' sums are added
// as a tree, so the order is always the same.

#version 460
#extension GL_GOOGLE_include_directive : require

#include "shared/conv.h"

layout(local_size_x_id = 0) in;

layout(push_constant) uniform Push { conv_bias_params p; };
layout(binding = 0) readonly buffer DY { STORE dy[]; };
layout(binding = 1) buffer DB { STORE db[]; };

shared float partial[gl_WorkGroupSize.x];

void main()
{
    uint c = gl_WorkGroupID.y * p.groups_x + gl_WorkGroupID.x;
    if (c >= p.c)
        return;
    uint lane = gl_LocalInvocationID.x;

    float sum = 0.0;
    for (uint n = 0; n < p.n; n++)
        for (uint i = lane; i < p.plane; i += gl_WorkGroupSize.x)
            sum += dy[(n * p.c + c) * p.plane + i];
    partial[lane] = sum;

    // The size of a workgroup is a power of two.
    for (uint count = gl_WorkGroupSize.x / 2; count > 0; count /= 2) {
        barrier();
        if (lane < count)
            partial[lane] += partial[lane + count];
    }
    if (lane == 0)
        db[c] = p.accumulate != 0 ? db[c] + partial[0] : partial[0];
}
