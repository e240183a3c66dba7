// SPDX-License-Identifier: MIT
//
// y = x with a border of zeros or of its mirrored self, one element by each invocation.
// See shared/pad.h.

#version 460
#extension GL_GOOGLE_include_directive : require

#include "shared/pad.h"
#include "lib/grid.glsl"
#include "lib/view.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = PAD_SPEC_KIND) const uint kind = PAD_ZERO;

layout(push_constant) uniform Push { pad_params p; };
layout(binding = 0) readonly buffer X { STORE x[]; };
layout(binding = 1) writeonly buffer Y { STORE y[]; };

int mirror(int i, int n)
{
    return i < 0 ? -i : i >= n ? 2 * (n - 1) - i : i;
}

void main()
{
    int h = int(p.h), w = int(p.w), size = int(p.size);
    uint w_out = p.w + 2 * p.size;
    uint h_out = p.h + 2 * p.size;
    GRID_STRIDE(i, p.count) {
        int q = int(i % w_out) - size;
        int r = int(i / w_out % h_out) - size;
        uint plane = i / w_out / h_out;
        bool inside = r >= 0 && r < h && q >= 0 && q < w;
        uint from = p.x.offset + plane / p.channels * p.x.stride +
                    (plane % p.channels * p.h + mirror(r, h)) * p.w + mirror(q, w);
        y[view_index(p.y, p.channels * h_out * w_out, i)] =
            kind == PAD_ZERO && !inside ? 0.0 : x[inside || kind != PAD_ZERO ? from : p.x.offset];
    }
}
