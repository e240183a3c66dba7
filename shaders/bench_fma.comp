// SPDX-License-Identifier: MIT
//
// Multiply-adds in registers and nothing else, see shared/bench.h: the most that a
// device computes in f32. One invocation for BENCH_CHAINS sums.

#version 460
#extension GL_GOOGLE_include_directive : require

#include "shared/bench.h"

layout(local_size_x_id = 0) in;

layout(push_constant) uniform Push { bench_params p; };
layout(binding = 0) writeonly buffer Y { STORE y[]; };

void main()
{
    vec4 s = vec4(gl_GlobalInvocationID.x, 1.0, 2.0, 3.0);
    vec4 t = s + 1.0, u = s + 2.0, v = s + 3.0;
    for (uint i = 0; i < p.count; i++) {
        s = s * p.a + p.b; t = t * p.a + p.b; u = u * p.a + p.b; v = v * p.a + p.b;
        s = s * p.a + p.b; t = t * p.a + p.b; u = u * p.a + p.b; v = v * p.a + p.b;
        s = s * p.a + p.b; t = t * p.a + p.b; u = u * p.a + p.b; v = v * p.a + p.b;
        s = s * p.a + p.b; t = t * p.a + p.b; u = u * p.a + p.b; v = v * p.a + p.b;
    }
    s += t + u + v;
    if (s.x + s.y + s.z + s.w == p.never)
        y[0] = s.x;
}
