// SPDX-License-Identifier: MIT
//
// y = a * x, or a * x + b * z, elementwise; also the backward of both. See
// shared/add.h.

#version 460
#extension GL_GOOGLE_include_directive : require

#include "shared/add.h"
#include "lib/grid.glsl"
#include "lib/view.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = ADD_SPEC_TERMS) const uint terms = 2;

layout(push_constant) uniform Push { add_params p; };
layout(binding = 0) readonly buffer X { STORE x[]; };
layout(binding = 1) readonly buffer Z { STORE z[]; };
layout(binding = 2) buffer Y { STORE y[]; };

void main()
{
    GRID_STRIDE(i, p.count) {
        float sum = p.a * x[view_index(p.x, p.run, i)];
        if (terms == 2)
            sum += p.b * z[view_index(p.z, p.run, i)];
        uint at = view_index(p.y, p.run, i);
        y[at] = p.accumulate != 0 ? y[at] + sum : sum;
    }
}
