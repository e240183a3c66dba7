// SPDX-License-Identifier: MIT
//
// Floats in [-1, 1] as interleaved bytes, one 32-bit word by each invocation. See
// shared/pixels.h.

#version 460
#extension GL_GOOGLE_include_directive : require

#include "shared/pixels.h"
#include "lib/grid.glsl"

layout(local_size_x_id = 0) in;
layout(push_constant) uniform Push { pixels_pack_params p; };
layout(binding = 0) readonly buffer X { STORE x[]; };
layout(binding = 1) writeonly buffer Pixels { uint pixels[]; };

void main()
{
    GRID_STRIDE(i, p.words) {
        uint word = 0;
        for (uint k = 0; k < 4; k++) {
            uint place = i * 4 + k;
            if (place >= p.count)
                break;
            uint pixel = place / 3;
            uint at = p.x.offset + pixel / p.plane * p.x.stride;
            float v = (x[at + place % 3 * p.plane + pixel % p.plane] + 1.0) * 127.5;
            // Not a clamp: NaN fails the comparison.
            uint value = v > 0.0 ? uint(min(v, 255.0)) : 0;
            word |= value << (k * 8);
        }
        pixels[i] = word;
    }
}
