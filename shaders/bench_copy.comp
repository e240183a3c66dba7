// SPDX-License-Identifier: MIT
//
// y = x, 16 bytes an invocation, striding: the most that a kernel moves. See
// shared/bench.h.

#version 460
#extension GL_GOOGLE_include_directive : require

#include "shared/bench.h"
#include "lib/grid.glsl"

layout(local_size_x_id = 0) in;

layout(push_constant) uniform Push { bench_params p; };
layout(binding = 0) readonly buffer X { vec4 x[]; };
layout(binding = 1) writeonly buffer Y { vec4 y[]; };

void main()
{
    GRID_STRIDE(i, p.count)
        y[i] = x[i];
}
