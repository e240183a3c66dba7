// SPDX-License-Identifier: MIT
//
// y = scale * (x - mean) / std + shift with the running statistics, then a leaky ReLU and
// dropout; one element by each invocation. See shared/norm.h.

#version 460
#extension GL_GOOGLE_include_directive : require

#include "shared/norm.h"
#include "shared/step.h"
#include "lib/activation.glsl"
#include "lib/dropout.glsl"
#include "lib/grid.glsl"
#include "lib/tensor.glsl"
#include "lib/view.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = NORM_SPEC_LEAKY) const uint has_leaky = 0;
layout(constant_id = NORM_SPEC_DROPOUT) const uint has_dropout = 0;

layout(push_constant) uniform Push { norm_fixed_params p; };
TENSOR_READ(0, x)
layout(binding = 1) readonly buffer Weights { STORE weights[]; };
TENSOR_WRITE(2, y)
layout(binding = 5) uniform Step { step_block s; };

void main()
{
    uint sample_run = p.channels * p.run;
    GRID_STRIDE(i, p.count) {
        uint c = i / p.run % p.channels;
        float factor = weights[c] / sqrt(weights[p.variance + c] + p.epsilon);
        float v = (x_at(view_index(p.x, sample_run, i)) - weights[p.mean + c]) * factor +
                  weights[p.shift + c];
        if (has_leaky != 0)
            v = activation_leaky(v, p.slope);
        if (has_dropout != 0)
            v = dropout_keeps(p.first + i, p.stream, p.threshold, s) ? v * p.factor : 0.0;
        y_set(view_index(p.y, sample_run, i), v);
    }
}
