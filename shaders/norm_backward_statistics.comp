// SPDX-License-Identifier: MIT
//
// The backward record of each group: the sums of dy and of dy * xhat beside what
// norm_backward needs of the forward record. One workgroup for each group. See
// shared/norm.h.

#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require

#include "shared/norm.h"
#include "lib/reduce.glsl"

layout(local_size_x_id = 0) in;
layout(push_constant) uniform Push { norm_statistics_params p; };
layout(binding = 0) readonly buffer DY { STORE dy[]; };
layout(binding = 1) readonly buffer X { STORE x[]; };
layout(binding = 2) readonly buffer Record { STORE record[]; };
layout(binding = 3) writeonly buffer Backward { STORE backward[]; };

void main()
{
    // Rows of workgroups: there may be more groups than one row holds.
    uint group = gl_WorkGroupID.y * p.row + gl_WorkGroupID.x;
    if (group >= p.groups)
        return;
    uint r = group * NORM_RECORD;
    float mean = record[r + NORM_MEAN];
    float rstd = record[r + NORM_RSTD];
    uint i = gl_LocalInvocationIndex;

    vec2 sums = vec2(0.0);
    for (uint n = 0; n < p.runs; n++) {
        uint first = (group + n * p.groups) * p.run;
        REDUCE_EACH(k, p.run, float d = dy[first + k];
                    sums += vec2(d, d * ((x[first + k] - mean) * rstd)))
    }
    sums = workgroup_sum(sums);

    if (i == 0) {
        uint b = group * NORM_BACKWARD_RECORD;
        backward[b + NORM_BACKWARD_MEAN] = mean;
        backward[b + NORM_BACKWARD_RSTD] = rstd;
        backward[b + NORM_BACKWARD_FACTOR] = record[r + NORM_FACTOR];
        backward[b + NORM_BACKWARD_DY] = sums.x;
        backward[b + NORM_BACKWARD_DY_XHAT] = sums.y;
    }
}
