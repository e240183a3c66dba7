// SPDX-License-Identifier: MIT
//
// dx = the sum of dy over the places that an element was copied to, one element by each
// invocation. See shared/pad.h.

#version 460
#extension GL_GOOGLE_include_directive : require

#define SCALER_BINDING 2
#define SCALER_MARKS

#include "shared/pad.h"
#include "lib/grid.glsl"
#include "lib/tensor.glsl"
#include "lib/view.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = PAD_SPEC_DOWN) const uint down = PAD_ZERO;
layout(constant_id = PAD_SPEC_ACROSS) const uint across = PAD_ZERO;

layout(push_constant) uniform Push { pad_params p; };
TENSOR_READ(0, dy)
TENSOR(1, dx)

// How many rows (or columns) of dy may have one source.
int places(uint kind, int n, int size)
{
    return kind == PAD_ZERO ? 1 : kind == PAD_REFLECT ? 3 : (n + 2 * size - 1) / n + 1;
}

// Row (or column) of dy that has source i, of n. Wrapped: from the first on. Else 0 is
// the direct one, 1 the one mirrored before the first, 2 the one mirrored behind the
// last. Negative: there is none.
int place(uint kind, int which, int i, int n, int size)
{
    if (kind == PAD_WRAP) {
        int at = (i + size) % n + which * n;
        return at < n + 2 * size ? at : -1;
    }
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
    int rows = places(down, h, size), columns = places(across, w, size);
    GRID_STRIDE(i, p.count) {
        int q = int(i % p.w);
        int r = int(i / p.w % p.h);
        uint plane = i / p.w / p.h;
        uint first = p.y.offset + plane / p.channels * p.y.stride +
                     plane % p.channels * uint(h_out * w_out);
        float sum = 0.0;
        for (int a = 0; a < rows; a++) {
            int row = place(down, a, r, h, size);
            for (int b = 0; row >= 0 && b < columns; b++) {
                int column = place(across, b, q, w, size);
                if (column >= 0)
                    sum += dy_at(first + uint(row * w_out + column));
            }
        }
        uint at = view_index(p.x, p.channels * p.h * p.w, i);
        dx_set(at, p.accumulate != 0 ? dx_at(at) + sum : sum);
    }
}
