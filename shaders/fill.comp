// SPDX-License-Identifier: MIT
//
// y = value, elementwise. See shared/fill.h.

#version 460
#extension GL_GOOGLE_include_directive : require

#include "shared/fill.h"
#include "lib/grid.glsl"

layout(local_size_x_id = 0) in;
layout(push_constant) uniform Push { fill_params p; };
layout(binding = 0) writeonly buffer Y { STORE y[]; };

void main()
{
    GRID_STRIDE(i, p.count)
        y[i] = p.value;
}
