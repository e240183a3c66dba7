// SPDX-License-Identifier: MIT
//
// The crop of an image as floats in [-1, 1], one element by each invocation. See
// shared/pixels.h.

#version 460
#extension GL_GOOGLE_include_directive : require

#include "shared/pixels.h"
#include "lib/grid.glsl"
#include "lib/view.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = PIXELS_SPEC_KIND) const uint kind = PIXELS_U8;
layout(constant_id = PIXELS_SPEC_RANGED) const uint is_ranged = 0;
layout(push_constant) uniform Push { pixels_unpack_params p; };
layout(binding = 0) readonly buffer Pixels { uint pixels[]; };
layout(binding = 1) readonly buffer Jitter { uint jitter[]; };
layout(binding = 2) writeonly buffer Y { STORE y[]; };

#include "lib/pixels.glsl"

void main()
{
    GRID_STRIDE(i, p.count) {
        uint q = i % p.w;
        uint r = i / p.w % p.h;
        uint plane = i / p.w / p.h;
        uint n = p.first_sample + plane / p.channels;
        uint c = plane % p.channels;
        uint j = n * PIXELS_JITTER;
        uint column = jitter[j] + (jitter[j + 2] != 0 ? p.w - 1 - q : q);
        uint row = jitter[j + 1] + r;
        y[view_index(p.y, p.channels * p.h * p.w, i)] = unpacked(n, c, row, column);
    }
}
