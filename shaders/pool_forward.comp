// SPDX-License-Identifier: MIT
//
// y = the maximum of a window, one element by each invocation. See shared/pool.h.

#version 460
#extension GL_GOOGLE_include_directive : require

#include "shared/pool.h"
#include "lib/grid.glsl"
#include "lib/view.glsl"

layout(local_size_x_id = 0) in;

layout(push_constant) uniform Push { pool_params p; };
layout(binding = 0) readonly buffer X { STORE x[]; };
layout(binding = 1) writeonly buffer Y { STORE y[]; };

#include "lib/pool.glsl"

void main()
{
    GRID_STRIDE(i, p.count) {
        uint q = i % p.w_out;
        uint r = i / p.w_out % p.h_out;
        uint plane = i / p.w_out / p.h_out;
        uint first = pool_plane(p.x, plane, p.h * p.w);
        y[pool_plane(p.y, plane, p.h_out * p.w_out) + r * p.w_out + q] =
            x[first + pool_argmax(first, r, q)];
    }
}
