// SPDX-License-Identifier: MIT
//
// y = x, striding. 16 bytes an invocation: the most that a kernel moves; in 16 bits one
// number an invocation, by the functions that other kernels load and store with. See
// shared/bench.h.

#version 460
#extension GL_GOOGLE_include_directive : require

#include "shared/bench.h"
#include "lib/grid.glsl"
#include "lib/tensor.glsl"

layout(local_size_x_id = 0) in;

layout(push_constant) uniform Push { bench_params p; };
#ifdef PIX_16BIT
TENSOR_READ(0, x)
TENSOR_WRITE(1, y)
#else
layout(binding = 0) readonly buffer X { vec4 x[]; };
layout(binding = 1) writeonly buffer Y { vec4 y[]; };
#endif

void main()
{
    GRID_STRIDE(i, p.count) {
#ifdef PIX_16BIT
        y_set(i, x_at(i));
#else
        y[i] = x[i];
#endif
    }
}
