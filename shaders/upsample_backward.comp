// SPDX-License-Identifier: MIT
//
// dx = the sum of dy over the square that an element became, one element of dx by each
// invocation. See shared/upsample.h.

#version 460
#extension GL_GOOGLE_include_directive : require

#define SCALER_BINDING 2
#define SCALER_MARKS

#include "shared/upsample.h"
#include "lib/grid.glsl"
#include "lib/tensor.glsl"
#include "lib/view.glsl"

layout(local_size_x_id = 0) in;
layout(push_constant) uniform Push { upsample_params p; };
TENSOR_READ(0, dy)
TENSOR(1, dx)

void main()
{
    uint w_out = 2 * p.w;
    uint run = p.channels * p.h * p.w;    // elements of a sample of x
    GRID_STRIDE(i, p.count) {
        uint q = i % p.w;
        uint row = i / p.w;    // of all planes, which have twice as many in y
        uint from = view_index(p.y, 4 * run, row * 2 * w_out + q * 2);
        float sum = dy_at(from) + dy_at(from + 1) + (dy_at(from + w_out) + dy_at(from + w_out + 1));
        uint at = view_index(p.x, run, i);
        dx_set(at, p.accumulate != 0 ? dx_at(at) + sum : sum);
    }
}
