// SPDX-License-Identifier: MIT
//
// Copies a range of channels of every sample, one element at a time: joins two tensors
// forward, takes their gradients apart backward. See shared/concat.h.

#version 460
#extension GL_GOOGLE_include_directive : require

#include "shared/concat.h"
#include "lib/grid.glsl"

layout(local_size_x_id = 0) in;
layout(push_constant) uniform Push { concat_params p; };
layout(binding = 0) readonly buffer From { STORE from[]; };
layout(binding = 1) buffer To { STORE to[]; };

void main()
{
    GRID_STRIDE(i, p.count) {
        uint n = i / p.inner;
        uint k = i % p.inner;
        float v = from[n * p.from_sample + p.from_first + k];
        uint j = n * p.to_sample + p.to_first + k;
        to[j] = p.accumulate != 0 ? to[j] + v : v;
    }
}
