// SPDX-License-Identifier: MIT
//
// dx = the sum of dy over the windows that an element is the maximum of, one element by
// each invocation. See shared/pool.h.

#version 460
#extension GL_GOOGLE_include_directive : require

#include "shared/pool.h"
#include "lib/grid.glsl"
#include "lib/view.glsl"

layout(local_size_x_id = 0) in;

layout(push_constant) uniform Push { pool_params p; };
layout(binding = 0) readonly buffer X { STORE x[]; };
layout(binding = 1) readonly buffer DY { STORE dy[]; };
layout(binding = 2) buffer DX { STORE dx[]; };

#include "lib/pool.glsl"

// The first window that element i of a row or column lies in.
uint first_window(uint i)
{
    return i < kernel ? 0 : (i - kernel) / stride + 1;
}

void main()
{
    GRID_STRIDE(i, p.count) {
        uint at = i % (p.h * p.w);
        uint plane = i / (p.h * p.w);
        uint first = pool_plane(p.x, plane, p.h * p.w);
        uint first_y = pool_plane(p.y, plane, p.h_out * p.w_out);
        uint row = at / p.w;
        uint column = at % p.w;
        // Behind the last window there may be elements that no window has.
        uint last_r = min(row / stride, p.h_out - 1);
        uint last_q = min(column / stride, p.w_out - 1);
        float sum = 0.0;
        for (uint r = first_window(row); r <= last_r; r++)
            for (uint q = first_window(column); q <= last_q; q++)
                if (pool_argmax(first, r, q) == at)
                    sum += dy[first_y + r * p.w_out + q];
        uint to = pool_plane(p.dx, plane, p.h * p.w) + at;
        dx[to] = p.accumulate != 0 ? dx[to] + sum : sum;
    }
}
