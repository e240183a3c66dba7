// SPDX-License-Identifier: MIT
//
// The gradient of softmax from its output, a pixel by each invocation, which goes through
// the channels twice. See shared/softmax.h.

#version 460
#extension GL_GOOGLE_include_directive : require

#include "shared/softmax.h"
#include "lib/grid.glsl"

layout(local_size_x_id = 0) in;

layout(push_constant) uniform Push { softmax_params p; };
layout(binding = 0) readonly buffer Y { STORE y[]; };
layout(binding = 1) readonly buffer DY { STORE dy[]; };
layout(binding = 2) buffer DX { STORE dx[]; };

void main()
{
    GRID_STRIDE(i, p.count) {
        uint n = i / p.plane;
        uint at_y = p.y.offset + n * p.y.stride + i % p.plane;
        uint at_dy = p.dy.offset + n * p.dy.stride + i % p.plane;
        uint at_dx = p.x.offset + n * p.x.stride + i % p.plane;
        float product = 0.0;
        for (uint c = 0; c < p.channels; c++)
            product += dy[at_dy + c * p.plane] * (0.5 * y[at_y + c * p.plane] + 0.5);
        for (uint c = 0; c < p.channels; c++) {
            float twice = y[at_y + c * p.plane] + 1.0;
            float d = twice * (dy[at_dy + c * p.plane] - product);
            uint to = at_dx + c * p.plane;
            dx[to] = p.accumulate != 0 ? dx[to] + d : d;
        }
    }
}
