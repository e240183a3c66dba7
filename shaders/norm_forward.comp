// SPDX-License-Identifier: MIT
//
// y = (x - mean) * factor + shift, elementwise, with the record of the element's group.
// See shared/norm.h.

#version 460
#extension GL_GOOGLE_include_directive : require

#include "shared/norm.h"
#include "lib/grid.glsl"

layout(local_size_x_id = 0) in;
layout(push_constant) uniform Push { norm_params p; };
layout(binding = 0) readonly buffer X { STORE x[]; };
layout(binding = 1) readonly buffer Record { STORE record[]; };
layout(binding = 2) writeonly buffer Y { STORE y[]; };

void main()
{
    GRID_STRIDE(i, p.count) {
        uint r = i / p.run % p.groups * NORM_RECORD;
        y[i] = (x[i] - record[r + NORM_MEAN]) * record[r + NORM_FACTOR] +
               record[r + NORM_SHIFT];
    }
}
