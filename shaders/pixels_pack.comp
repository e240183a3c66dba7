// SPDX-License-Identifier: MIT
//
// Floats in [-1, 1] as planes of bytes, 16-bit numbers or floats, one 32-bit word by
// each invocation. See shared/pixels.h.

#version 460
#extension GL_GOOGLE_include_directive : require

#include "shared/pixels.h"
#include "lib/grid.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = PIXELS_SPEC_KIND) const uint kind = PIXELS_U8;
layout(constant_id = PIXELS_SPEC_RANGED) const uint is_ranged = 0;
layout(push_constant) uniform Push { pixels_pack_params p; };
layout(binding = 0) readonly buffer X { STORE x[]; };
layout(binding = 1) writeonly buffer Pixels { uint pixels[]; };

const uint in_word = 4 >> kind;    // samples in a word
const uint bits = 8 << kind;
const float most = kind == PIXELS_U16 ? 65535.0 : 255.0;

// Of an integer kind. Not clamps: NaN fails the comparisons.
uint to_sample(float x)
{
    if (is_ranged != 0) {
        float t = (x + 1.0) * 0.5;
        return uint(p.low + (t > 0.0 ? min(t, 1.0) : 0.0) * p.width + 0.5);
    }
    float v = (x + 1.0) * (most / 2.0);
    return v > 0.0 ? uint(min(v + 0.5, most)) : 0;
}

void main()
{
    GRID_STRIDE(i, p.words) {
        uint at = p.x.offset + i / p.sample_words * p.x.stride;
        uint first = i % p.sample_words * in_word;
        if (kind == PIXELS_F32) {
            float v = x[at + first];
            pixels[i] = floatBitsToUint(
                is_ranged != 0 ? p.low + (v + 1.0) * 0.5 * p.width : v);
        } else {
            uint word = 0;
            for (uint k = 0; k < in_word && first + k < p.run; k++)
                word |= to_sample(x[at + first + k]) << (k * bits);
            pixels[i] = word;
        }
    }
}
