// SPDX-License-Identifier: MIT
//
// y = scale[c] x + shift[c], elementwise. See shared/affine.h.

#version 460
#extension GL_GOOGLE_include_directive : require

#include "shared/affine.h"
#include "lib/grid.glsl"
#include "lib/view.glsl"

layout(local_size_x_id = 0) in;

layout(push_constant) uniform Push { affine_params p; };
layout(binding = 0) readonly buffer X { STORE x[]; };
layout(binding = 1) buffer Y { STORE y[]; };

void main()
{
    GRID_STRIDE(i, p.count) {
        uint c = i % p.run / p.plane;
        float scale = c == 0 ? p.scale_0 : c == 1 ? p.scale_1 : p.scale_2;
        float shift = c == 0 ? p.shift_0 : c == 1 ? p.shift_1 : p.shift_2;
        float v = scale * x[view_index(p.x, p.run, i)] + shift;
        uint at = view_index(p.y, p.run, i);
        y[at] = p.accumulate != 0 ? y[at] + v : v;
    }
}
