// SPDX-License-Identifier: MIT
//
// The gradient of x / length of x, a pixel by each invocation, which goes through the
// channels twice. See shared/unit.h.

#version 460
#extension GL_GOOGLE_include_directive : require

#include "shared/unit.h"
#include "lib/grid.glsl"

layout(local_size_x_id = 0) in;

layout(push_constant) uniform Push { unit_params p; };
layout(binding = 0) readonly buffer X { STORE x[]; };
layout(binding = 1) readonly buffer DY { STORE dy[]; };
layout(binding = 2) buffer DX { STORE dx[]; };

void main()
{
    GRID_STRIDE(i, p.count) {
        uint n = i / p.plane;
        uint at_x = p.x.offset + n * p.x.stride + i % p.plane;
        uint at_dy = p.y.offset + n * p.y.stride + i % p.plane;
        uint at_dx = p.dx.offset + n * p.dx.stride + i % p.plane;
        float squares = 0.0;
        float product = 0.0;
        for (uint c = 0; c < p.channels; c++) {
            float v = x[at_x + c * p.plane];
            squares += v * v;
            product += dy[at_dy + c * p.plane] * v;
        }
        float s = sqrt(squares);
        float norm = s + UNIT_EPSILON;
        float along = product / s / norm;    // not read where s is 0
        for (uint c = 0; c < p.channels; c++) {
            float d = s == 0.0 ? 0.0 : (dy[at_dy + c * p.plane] - along * x[at_x + c * p.plane]) / norm;
            uint to = at_dx + c * p.plane;
            dx[to] = p.accumulate != 0 ? dx[to] + d : d;
        }
    }
}
