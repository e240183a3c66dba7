// SPDX-License-Identifier: MIT
//
// Sums f(x, t) over the elements of each workgroup into one partial sum. See
// shared/loss.h.

#version 460
#extension GL_GOOGLE_include_directive : require

#include "shared/loss.h"
#include "lib/activation.glsl"
#include "lib/grid.glsl"
#include "lib/reduce.glsl"
#include "lib/view.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = LOSS_SPEC_KIND) const uint kind = LOSS_L1;
layout(constant_id = LOSS_SPEC_TARGET) const uint has_target = 1;

layout(push_constant) uniform Push { loss_params p; };
layout(binding = 0) readonly buffer X { STORE x[]; };
layout(binding = 1) readonly buffer T { STORE t[]; };
layout(binding = 2) writeonly buffer Partial { STORE partial[]; };

void main()
{
    float sum = 0.0;
    GRID_STRIDE(i, p.count) {
        uint k = gl_WorkGroupID.y * p.group + i;
        float v = x[view_index(p.x, p.run, k)];
        float goal = has_target != 0        ? t[view_index(p.t, p.run, k)]
                     : gl_WorkGroupID.y == 0 ? p.label_first
                                             : p.label_last;
        float d = v - goal;
        float below = 1.0 - goal * v;
        sum += kind == LOSS_L1      ? abs(d)
               : kind == LOSS_MSE   ? d * d
               : kind == LOSS_HINGE ? (below <= 0.0 ? 0.0 : below)    // NaN stays
               : kind == LOSS_MEAN  ? goal * v
                                    : max(v, 0.0) - v * goal + log_one_plus_exp(v);
    }
    sum = workgroup_sum(vec2(sum, 0.0)).x;
    if (gl_LocalInvocationIndex == 0)
        partial[gl_WorkGroupID.y * (p.stride / REDUCE_WORKGROUP) + gl_WorkGroupID.x] = sum;
}
