// SPDX-License-Identifier: MIT
//
// A turned, flipped and scaled part of an image as floats, and of inputs with other
// brightness, contrast and noise; one element by each invocation. See shared/pixels.h.

#version 460
#extension GL_GOOGLE_include_directive : require

#include "shared/pixels.h"
#include "lib/grid.glsl"
#include "lib/random.glsl"
#include "lib/view.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = PIXELS_SPEC_KIND) const uint kind = PIXELS_U8;
layout(constant_id = PIXELS_SPEC_RANGED) const uint is_ranged = 0;
layout(constant_id = PIXELS_SPEC_NEAREST) const uint is_nearest = 0;
layout(push_constant) uniform Push { pixels_unpack_params p; };
layout(binding = 0) readonly buffer Pixels { uint pixels[]; };
layout(binding = 1) readonly buffer Jitter { uint jitter[]; };
layout(binding = 2) writeonly buffer Y { STORE y[]; };

#include "lib/pixels.glsl"

// Not a sum with a factor of 0, which would be NaN beside a pixel that is infinite.
float between(float a, float b, float t)
{
    return t == 0.0 ? a : a + (b - a) * t;
}

float number(uint j, uint which)
{
    return uintBitsToFloat(jitter[j + which]);
}

float normal(uint i, uvec2 key)
{
    uvec4 random = philox(uvec4(i, 0, 0, 0), key);
    float u = (float(random.x >> 8) + 0.5) / 16777216.0;
    float turn = float(random.y >> 8) / 16777216.0 - 0.5;
    return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * turn);
}

void main()
{
    GRID_STRIDE(i, p.count) {
        uint q = i % p.w;
        uint r = i / p.w % p.h;
        uint plane = i / p.w / p.h;
        uint n = p.first_sample + plane / p.channels;
        uint c = plane % p.channels;
        uint j = n * PIXELS_AUGMENT;
        float across = float(q) + 0.5, down = float(r) + 0.5;
        // The same place on both sides of a pair, whatever else is compiled into them.
        precise float from_x = number(j, PIXELS_MATRIX) * across +
                               number(j, PIXELS_MATRIX + 1) * down +
                               number(j, PIXELS_PLACE) - 0.5;
        precise float from_y = number(j, PIXELS_MATRIX + 2) * across +
                               number(j, PIXELS_MATRIX + 3) * down +
                               number(j, PIXELS_PLACE + 1) - 0.5;
        float column = clamp(from_x, 0.0, float(p.side_w - 1));
        float row = clamp(from_y, 0.0, float(p.side_h - 1));
        float value;
        if (is_nearest != 0) {
            value = unpacked(n, c, uint(row + 0.5), uint(column + 0.5));
        } else {
            uint left = uint(column), top = uint(row);
            uint right = min(left + 1, p.side_w - 1), bottom = min(top + 1, p.side_h - 1);
            float beyond = column - float(left);
            value = between(between(unpacked(n, c, top, left),
                                    unpacked(n, c, top, right), beyond),
                            between(unpacked(n, c, bottom, left),
                                    unpacked(n, c, bottom, right), beyond),
                            row - float(top));
        }
        if (c < p.touched) {
            float noise = number(j, PIXELS_NOISE);
            value = value * number(j, PIXELS_GAIN) + number(j, PIXELS_SHIFT);
            if (noise != 0.0)
                value += noise * normal(i % (p.channels * p.h * p.w),
                                        uvec2(jitter[j + PIXELS_KEY],
                                              jitter[j + PIXELS_KEY + 1]));
            if (kind != PIXELS_F32 || is_ranged != 0)
                value = clamp(value, -1.0, 1.0);
        }
        y[view_index(p.y, p.channels * p.h * p.w, i)] = value;
    }
}
