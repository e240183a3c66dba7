// SPDX-License-Identifier: MIT
//
// dx = the sum of dy over the places that an element was copied to, one element by each
// invocation. See shared/pad.h.

#version 460
#extension GL_GOOGLE_include_directive : require

#include "shared/pad.h"
#include "lib/grid.glsl"
#include "lib/view.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = PAD_SPEC_KIND) const uint kind = PAD_ZERO;

layout(push_constant) uniform Push { pad_params p; };
layout(binding = 0) readonly buffer DY { STORE dy[]; };
layout(binding = 1) buffer DX { STORE dx[]; };

// Row (or column) of dy that has source i, of n: 0 the direct one, 1 the one mirrored
// before the first, 2 the one mirrored behind the last. Negative: there is none.
int place(int which, int i, int n, int size)
{
    if (which == 0)
        return i + size;
    if (which == 1)
        return i >= 1 && i <= size ? size - i : -1;
    int r = 2 * (n - 1) - i;
    return r >= n && r < n + size ? r + size : -1;
}

void main()
{
    int h = int(p.h), w = int(p.w), size = int(p.size);
    int h_out = h + 2 * size, w_out = w + 2 * size;
    int places = kind == PAD_ZERO ? 1 : 3;
    GRID_STRIDE(i, p.count) {
        int q = int(i % p.w);
        int r = int(i / p.w % p.h);
        uint plane = i / p.w / p.h;
        uint first = p.y.offset + plane / p.channels * p.y.stride +
                     plane % p.channels * uint(h_out * w_out);
        float sum = 0.0;
        for (int a = 0; a < places; a++) {
            int row = place(a, r, h, size);
            for (int b = 0; row >= 0 && b < places; b++) {
                int column = place(b, q, w, size);
                if (column >= 0)
                    sum += dy[first + uint(row * w_out + column)];
            }
        }
        uint at = view_index(p.x, p.channels * p.h * p.w, i);
        dx[at] = p.accumulate != 0 ? dx[at] + sum : sum;
    }
}
