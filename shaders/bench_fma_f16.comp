// SPDX-License-Identifier: MIT
//
// As bench_fma in f16, two numbers in each register where the device packs them. Only
// for devices with shaderFloat16, and only if glslc knows the extension.

#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require

#include "shared/bench.h"

layout(local_size_x_id = 0) in;

layout(push_constant) uniform Push { bench_params p; };
layout(binding = 0) writeonly buffer Y { STORE y[]; };

void main()
{
    f16vec2 a = f16vec2(p.a), b = f16vec2(p.b);
    f16vec2 s = f16vec2(gl_LocalInvocationID.x, 1.0), t = s + b, u = t + b, v = u + b;
    f16vec2 q = v + b, r = q + b, w = r + b, x = w + b;
    for (uint i = 0; i < p.count; i++) {
        s = s * a + b; t = t * a + b; u = u * a + b; v = v * a + b;
        q = q * a + b; r = r * a + b; w = w * a + b; x = x * a + b;
        s = s * a + b; t = t * a + b; u = u * a + b; v = v * a + b;
        q = q * a + b; r = r * a + b; w = w * a + b; x = x * a + b;
        s = s * a + b; t = t * a + b; u = u * a + b; v = v * a + b;
        q = q * a + b; r = r * a + b; w = w * a + b; x = x * a + b;
        s = s * a + b; t = t * a + b; u = u * a + b; v = v * a + b;
        q = q * a + b; r = r * a + b; w = w * a + b; x = x * a + b;
    }
    s += t + u + v + q + r + w + x;
    if (float(s.x) + float(s.y) == p.never)
        y[0] = float(s.x);
}
