// SPDX-License-Identifier: MIT
//
// Statistics that follow those of one image after the other, which moments.comp found;
// one invocation for each channel. See shared/norm.h.

#version 460
#extension GL_GOOGLE_include_directive : require

#include "shared/moments.h"
#include "shared/norm.h"
#include "shared/step.h"
#include "lib/grid.glsl"

layout(local_size_x_id = 0) in;

layout(push_constant) uniform Push { norm_follow_params p; };
layout(binding = 0) readonly buffer Image { STORE image[]; };
layout(binding = 1) buffer Weights { STORE weights[]; };
layout(binding = 5) uniform Step { step_block s; };

void main()
{
    GRID_STRIDE(c, p.channels) {
        float mean = image[c * MOMENTS + MOMENTS_MEAN];
        float variance = image[c * MOMENTS + MOMENTS_VARIANCE];
        if (s.step > 1) {
            float added = 1.0 - p.keep, d = mean - weights[p.mean + c];
            variance = p.keep * (weights[p.variance + c] + added * d * d) + added * variance;
            mean = weights[p.mean + c] + added * d;
        }
        weights[p.mean + c] = mean;
        weights[p.variance + c] = variance;
    }
}
