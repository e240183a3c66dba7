// SPDX-License-Identifier: MIT
//
// dx = dy * f'(y), elementwise. See shared/activation.h.

#version 460
#extension GL_GOOGLE_include_directive : require

#define SCALER_BINDING 3
#define SCALER_MARKS

#include "shared/activation.h"
#include "lib/grid.glsl"
#include "lib/tensor.glsl"
#include "lib/view.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = ACTIVATION_SPEC_KIND) const uint kind = ACTIVATION_LEAKY;

layout(push_constant) uniform Push { activation_params p; };
TENSOR_READ(0, y)
TENSOR_READ(1, dy)
TENSOR(2, dx)

void main()
{
    GRID_STRIDE(i, p.count) {
        float v = y_at(view_index(p.y, p.run, i));
        float slope = kind == ACTIVATION_TANH      ? 1.0 - v * v
                      : kind == ACTIVATION_SIGMOID ? v * (1.0 - v)
                      : v > 0.0                    ? 1.0
                                                   : p.slope;
        float d = dy_at(view_index(p.dy, p.run, i)) * slope;
        uint at = view_index(p.x, p.run, i);
        dx_set(at, p.accumulate != 0 ? dx_at(at) + d : d);
    }
}
