// SPDX-License-Identifier: MIT
//
// y = x with a border of zeros, of its mirrored self or of itself, one element by each
// invocation.
// See shared/pad.h.

#version 460
#extension GL_GOOGLE_include_directive : require

#include "shared/pad.h"
#include "lib/grid.glsl"
#include "lib/tensor.glsl"
#include "lib/view.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = PAD_SPEC_DOWN) const uint down = PAD_ZERO;
layout(constant_id = PAD_SPEC_ACROSS) const uint across = PAD_ZERO;

layout(push_constant) uniform Push { pad_params p; };
TENSOR_READ(0, x)
TENSOR_WRITE(1, y)

// Negative: a zero. `size` makes what is divided positive.
int source(uint kind, int i, int n, int size)
{
    if (i >= 0 && i < n)
        return i;
    if (kind == PAD_ZERO)
        return -1;
    if (kind == PAD_WRAP)
        return (i + n * ((size + n - 1) / n)) % n;
    return i < 0 ? -i : 2 * (n - 1) - i;
}

void main()
{
    int h = int(p.h), w = int(p.w), size = int(p.size);
    uint w_out = p.w + 2 * p.size;
    uint h_out = p.h + 2 * p.size;
    GRID_STRIDE(i, p.count) {
        int q = source(across, int(i % w_out) - size, w, size);
        int r = source(down, int(i / w_out % h_out) - size, h, size);
        uint plane = i / w_out / h_out;
        bool is_zero = r < 0 || q < 0;
        uint from = p.x.offset + plane / p.channels * p.x.stride +
                    (plane % p.channels * p.h + max(r, 0)) * p.w + max(q, 0);
        float v = x_at(from);
        y_set(view_index(p.y, p.channels * h_out * w_out, i), is_zero ? 0.0 : v);
    }
}
