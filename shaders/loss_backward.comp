// SPDX-License-Identifier: MIT
//
// dx = dloss * df/dx / count, or the same for t, elementwise. See shared/loss.h.

#version 460
#extension GL_GOOGLE_include_directive : require

#define SCALER_BINDING 4

#include "shared/loss.h"
#include "lib/activation.glsl"
#include "lib/grid.glsl"
#include "lib/scaler.glsl"
#include "lib/view.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = LOSS_SPEC_KIND) const uint kind = LOSS_L1;
layout(constant_id = LOSS_SPEC_TARGET) const uint has_target = 1;
layout(constant_id = LOSS_SPEC_SIDE) const uint side = 0;
layout(constant_id = LOSS_SPEC_SEED) const uint has_seed = 1;

layout(push_constant) uniform Push { loss_params p; };
layout(binding = 0) readonly buffer X { STORE x[]; };
layout(binding = 1) readonly buffer T { STORE t[]; };
layout(binding = 2) readonly buffer DLoss { STORE dloss[]; };
layout(binding = 3) buffer DX { STORE dx[]; };

void main()
{
    GRID_STRIDE(i, p.count) {
        float v = x[view_index(p.x, p.run, i)];
        float goal = has_target != 0 ? t[view_index(p.t, p.run, i)] : i < p.group ? p.label_first : p.label_last;
        float d = kind == LOSS_L1      ? sign(v - goal)
                  : kind == LOSS_MSE   ? 2.0 * (v - goal)
                  : kind == LOSS_HINGE ? (goal * v < 1.0 ? -goal : 0.0)
                  : kind == LOSS_MEAN  ? goal
                  : side == 0          ? activation_sigmoid(v) - goal
                                       : v;
        float factor = has_seed != 0 ? dloss[p.dloss.offset + i / p.group] * p.factor : p.factor;
        d *= (side == 0 ? factor : -factor) * scaler_scale();
        uint at = view_index(p.dx, p.run, i);
        dx[at] = p.accumulate != 0 ? dx[at] + d : d;
    }
}
