// SPDX-License-Identifier: MIT
//
// y = 2 softmax(x) - 1, a pixel by each invocation, which goes through the channels three
// times. See shared/softmax.h.

#version 460
#extension GL_GOOGLE_include_directive : require

#include "shared/softmax.h"
#include "lib/grid.glsl"
#include "lib/softmax.glsl"

layout(local_size_x_id = 0) in;

layout(push_constant) uniform Push { softmax_params p; };
layout(binding = 0) readonly buffer X { STORE x[]; };
layout(binding = 1) writeonly buffer Y { STORE y[]; };

void main()
{
    GRID_STRIDE(i, p.count) {
        uint n = i / p.plane;
        uint from = p.x.offset + n * p.x.stride + i % p.plane;
        uint to = p.y.offset + n * p.y.stride + i % p.plane;
        SOFTMAX_FIND(x, from, p.channels, p.plane, largest, sum)
        for (uint c = 0; c < p.channels; c++)
            y[to + c * p.plane] =
                2.0 * softmax_exp(x[from + c * p.plane] - largest) / sum - 1.0;
    }
}
