// SPDX-License-Identifier: MIT
//
// y = value, elementwise. See shared/fill.h.

#version 460
#extension GL_GOOGLE_include_directive : require

#include "shared/fill.h"
#include "lib/grid.glsl"
#include "lib/tensor.glsl"

layout(local_size_x_id = 0) in;
layout(push_constant) uniform Push { fill_params p; };
TENSOR_WRITE(0, y)

void main()
{
    GRID_STRIDE(i, p.count)
        y_set(i, p.value);
}
