// SPDX-License-Identifier: MIT
//
// y = x / length of x, a pixel by each invocation, which goes through the channels twice.
// See shared/unit.h.

#version 460
#extension GL_GOOGLE_include_directive : require

#include "shared/unit.h"
#include "lib/grid.glsl"

layout(local_size_x_id = 0) in;

layout(push_constant) uniform Push { unit_params p; };
layout(binding = 0) readonly buffer X { STORE x[]; };
layout(binding = 1) writeonly buffer Y { STORE y[]; };

void main()
{
    GRID_STRIDE(i, p.count) {
        uint n = i / p.plane;
        uint from = p.x.offset + n * p.x.stride + i % p.plane;
        uint to = p.y.offset + n * p.y.stride + i % p.plane;
        float squares = 0.0;
        for (uint c = 0; c < p.channels; c++) {
            float v = x[from + c * p.plane];
            squares += v * v;
        }
        float norm = sqrt(squares) + UNIT_EPSILON;
        for (uint c = 0; c < p.channels; c++)
            y[to + c * p.plane] = x[from + c * p.plane] / norm;
    }
}
