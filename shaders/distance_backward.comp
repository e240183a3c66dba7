// SPDX-License-Identifier: MIT
//
// dx = sign factors[c] (a - b), elementwise. See shared/distance.h.

#version 460
#extension GL_GOOGLE_include_directive : require

#include "shared/distance.h"
#include "lib/grid.glsl"
#include "lib/view.glsl"

layout(local_size_x_id = 0) in;

layout(push_constant) uniform Push { distance_params p; };
layout(binding = 0) readonly buffer A { STORE a[]; };
layout(binding = 1) readonly buffer B { STORE b[]; };
layout(binding = 2) readonly buffer Factors { STORE factors[]; };
layout(binding = 3) buffer DX { STORE dx[]; };

void main()
{
    GRID_STRIDE(i, p.count) {
        float v = a[view_index(p.a, p.run, i)] - b[view_index(p.b, p.run, i)];
        // With factors of its own each sample has as many as it has planes.
        uint c = p.each != 0 ? i / p.plane : i % p.run / p.plane;
        float d = p.sign * factors[c] * v;
        uint at = view_index(p.dx, p.run, i);
        dx[at] = p.accumulate != 0 ? dx[at] + d : d;
    }
}
