// SPDX-License-Identifier: MIT
//
// y = a * x, or a * x + b * z, elementwise; also the backward of both. See
// shared/add.h.

#version 460
#extension GL_GOOGLE_include_directive : require

#define SCALER_BINDING 3
#define SCALER_MARKS

#include "shared/add.h"
#include "lib/grid.glsl"
#include "lib/tensor.glsl"
#include "lib/view.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = ADD_SPEC_TERMS) const uint terms = 2;

layout(push_constant) uniform Push { add_params p; };
TENSOR_READ(0, x)
TENSOR_READ(1, z)
TENSOR(2, y)

void main()
{
    GRID_STRIDE(i, p.count) {
        float sum = p.a * x_at(view_index(p.x, p.run, i));
        if (terms == 2)
            sum += p.b * z_at(view_index(p.z, p.run, i));
        uint at = view_index(p.y, p.run, i);
        y_set(at, p.accumulate != 0 ? y_at(at) + sum : sum);
    }
}
