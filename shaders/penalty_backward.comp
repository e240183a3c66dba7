// SPDX-License-Identifier: MIT
//
// dx = dy * factor * 2 (norm - 1) / norm * x, elementwise. See shared/penalty.h.

#version 460
#extension GL_GOOGLE_include_directive : require

#include "shared/penalty.h"
#include "lib/grid.glsl"
#include "lib/view.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = PENALTY_SPEC_SEED) const uint has_seed = 1;

layout(push_constant) uniform Push { penalty_backward_params p; };
layout(binding = 0) readonly buffer X { STORE x[]; };
layout(binding = 1) readonly buffer Squares { STORE squares[]; };
layout(binding = 2) readonly buffer DY { STORE dy[]; };
layout(binding = 3) buffer DX { STORE dx[]; };

void main()
{
    float factor = 2.0 * p.factor;
    if (has_seed != 0)
        factor *= dy[p.dy.offset];
    GRID_STRIDE(i, p.count) {
        float norm = sqrt(squares[i / p.run]);
        float slope = norm == 0.0 ? 0.0 : (norm - 1.0) / norm;
        float d = factor * slope * x[view_index(p.x, p.run, i)];
        uint at = view_index(p.dx, p.run, i);
        dx[at] = p.accumulate != 0 ? dx[at] + d : d;
    }
}
