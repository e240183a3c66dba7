// SPDX-License-Identifier: MIT
//
// The crop of an 8-bit picture as floats in [-1, 1], one element by each invocation.
// See shared/pixels.h.

#version 460
#extension GL_GOOGLE_include_directive : require

#include "shared/pixels.h"
#include "lib/grid.glsl"
#include "lib/view.glsl"

layout(local_size_x_id = 0) in;
layout(push_constant) uniform Push { pixels_unpack_params p; };
layout(binding = 0) readonly buffer Pixels { uint pixels[]; };
layout(binding = 1) readonly buffer Jitter { uint jitter[]; };
layout(binding = 2) writeonly buffer Y { STORE y[]; };

void main()
{
    GRID_STRIDE(i, p.count) {
        uint q = i % p.w;
        uint r = i / p.w % p.h;
        uint plane = i / p.w / p.h;
        uint n = p.first_sample + plane / 3;
        uint c = plane % 3;
        uint j = n * PIXELS_JITTER;
        uint column = jitter[j] + (jitter[j + 2] != 0 ? p.w - 1 - q : q);
        uint row = jitter[j + 1] + r;
        uint pixel = ((n * p.images + p.first) * p.side_h + row) * p.side_w + column;
        uint place = pixel * 3 + c;
        uint value = pixels[place / 4] >> (place % 4 * 8) & 255;
        y[view_index(p.y, 3 * p.h * p.w, i)] = (float(value) / 255.0 - 0.5) * 2.0;
    }
}
