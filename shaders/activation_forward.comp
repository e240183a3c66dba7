// SPDX-License-Identifier: MIT
//
// y = f(x), elementwise. See shared/activation.h.

#version 460
#extension GL_GOOGLE_include_directive : require

#include "shared/activation.h"
#include "lib/activation.glsl"
#include "lib/grid.glsl"
#include "lib/tensor.glsl"
#include "lib/view.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = ACTIVATION_SPEC_KIND) const uint kind = ACTIVATION_LEAKY;

layout(push_constant) uniform Push { activation_params p; };
TENSOR_READ(0, x)
TENSOR_WRITE(1, y)

void main()
{
    GRID_STRIDE(i, p.count) {
        float v = x_at(view_index(p.x, p.run, i));
        y_set(view_index(p.y, p.run, i), kind == ACTIVATION_TANH      ? activation_tanh(v)
               : kind == ACTIVATION_SIGMOID ? activation_sigmoid(v)
                                            : activation_leaky(v, p.slope));
    }
}
