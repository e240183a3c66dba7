// SPDX-License-Identifier: MIT
//
// y = x of twice the height and width, one element of y by each invocation. See
// shared/upsample.h.

#version 460
#extension GL_GOOGLE_include_directive : require

#include "shared/upsample.h"
#include "lib/grid.glsl"
#include "lib/tensor.glsl"
#include "lib/view.glsl"

layout(local_size_x_id = 0) in;
layout(push_constant) uniform Push { upsample_params p; };
TENSOR_READ(0, x)
TENSOR_WRITE(1, y)

void main()
{
    uint w_out = 2 * p.w, h_out = 2 * p.h;
    uint run = p.channels * p.h * p.w;    // elements of a sample of x
    GRID_STRIDE(i, p.count) {
        uint q = i % w_out;
        uint r = i / w_out % h_out;
        uint plane = i / w_out / h_out;
        uint from = (plane * p.h + r / 2) * p.w + q / 2;
        y_set(view_index(p.y, 4 * run, i), x_at(view_index(p.x, run, from)));
    }
}
