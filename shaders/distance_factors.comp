// SPDX-License-Identifier: MIT
//
// What the differences are multiplied with in distance_backward: factor w[c] dy[n]. See
// shared/distance.h.

#version 460
#extension GL_GOOGLE_include_directive : require

#include "shared/distance.h"
#include "lib/grid.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = DISTANCE_SPEC_SEED) const uint has_seed = 1;

layout(push_constant) uniform Push { distance_factors_params p; };
layout(binding = 0) readonly buffer W { STORE w[]; };
layout(binding = 1) readonly buffer DY { STORE dy[]; };
layout(binding = 2) writeonly buffer Y { STORE y[]; };

void main()
{
    GRID_STRIDE(i, p.count) {
        float factor = p.factor * w[i % p.channels];
        if (has_seed != 0)
            factor *= dy[p.dy.offset + i / p.channels * p.dy.stride];
        y[i] = factor;
    }
}
