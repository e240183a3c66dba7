// SPDX-License-Identifier: MIT
//
// The record of each group: mean, 1/std and what the affine makes of them. One
// workgroup for each group, in two passes. The second pass sums the differences from
// the first pass's mean as well as their squares, which takes back the rounding of the
// first. See shared/norm.h.

#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require

#include "shared/norm.h"
#include "lib/reduce.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = NORM_SPEC_AFFINE) const uint has_affine = 1;

layout(push_constant) uniform Push { norm_statistics_params p; };
layout(binding = 0) readonly buffer X { STORE x[]; };
layout(binding = 1) readonly buffer Scale { STORE scale[]; };
layout(binding = 2) readonly buffer Shift { STORE shift[]; };
layout(binding = 3) writeonly buffer Record { STORE record[]; };

void main()
{
    // Rows of workgroups: there may be more groups than one row holds.
    uint group = gl_WorkGroupID.y * p.row + gl_WorkGroupID.x;
    if (group >= p.groups)
        return;
    float inverse_count = 1.0 / float(p.runs * p.run);
    uint i = gl_LocalInvocationIndex;

    float sum = 0.0;
    for (uint n = 0; n < p.runs; n++) {
        uint first = (group + n * p.groups) * p.run;
        REDUCE_EACH(k, p.run, sum += x[first + k])
    }
    float mean = workgroup_sum(vec2(sum, 0.0)).x * inverse_count;

    vec2 sums = vec2(0.0);
    for (uint n = 0; n < p.runs; n++) {
        uint first = (group + n * p.groups) * p.run;
        REDUCE_EACH(k, p.run, float d = x[first + k] - mean; sums += vec2(d, d * d))
    }
    sums = workgroup_sum(sums) * inverse_count;

    if (i == 0) {
        float variance = max(sums.y - sums.x * sums.x, 0.0);
        float rstd = 1.0 / sqrt(variance + p.epsilon);
        uint c = group % p.channels;
        uint r = group * NORM_RECORD;
        record[r + NORM_MEAN] = mean + sums.x;
        record[r + NORM_RSTD] = rstd;
        record[r + NORM_FACTOR] = has_affine != 0 ? scale[c] * rstd : rstd;
        record[r + NORM_SHIFT] = has_affine != 0 ? shift[c] : 0.0;
        record[r + NORM_VARIANCE] = variance;
    }
}
