// SPDX-License-Identifier: MIT
//
// dx = the sum of dy over the square that an element became, one element of dx by each
// invocation. See shared/upsample.h.

#version 460
#extension GL_GOOGLE_include_directive : require

#include "shared/upsample.h"
#include "lib/grid.glsl"
#include "lib/view.glsl"

layout(local_size_x_id = 0) in;
layout(push_constant) uniform Push { upsample_params p; };
layout(binding = 0) readonly buffer DY { STORE dy[]; };
layout(binding = 1) buffer DX { STORE dx[]; };

void main()
{
    uint w_out = 2 * p.w;
    uint run = p.channels * p.h * p.w;    // elements of a sample of x
    GRID_STRIDE(i, p.count) {
        uint q = i % p.w;
        uint row = i / p.w;    // of all planes, which have twice as many in y
        uint from = view_index(p.y, 4 * run, row * 2 * w_out + q * 2);
        float sum = dy[from] + dy[from + 1] + (dy[from + w_out] + dy[from + w_out + 1]);
        uint at = view_index(p.x, run, i);
        dx[at] = p.accumulate != 0 ? dx[at] + sum : sum;
    }
}
