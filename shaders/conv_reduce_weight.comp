// SPDX-License-Identifier: MIT
//
// The end of a weight gradient whose sum was computed in parts: adds them up in their
// order, one element at a time. See lib/conv_parts.glsl.

#version 460
#extension GL_GOOGLE_include_directive : require

#define SCALER_BINDING 3

#include "shared/conv.h"

layout(local_size_x_id = 0) in;
layout(push_constant) uniform Push { conv_weight_params p; };
layout(binding = 0) readonly buffer Slabs { STORE slabs[]; };

#define CONV_PARAMS p.conv
#define CONV_STORE_BINDING 1
#include "lib/conv_update.glsl"

void main()
{
    for (uint i = gl_GlobalInvocationID.x; i < p.conv.slab; i += p.conv.stride) {
        float sum = 0.0;
        for (uint k = p.conv.sum_first; k < p.conv.sum_end; k++)
            sum += slabs[k * p.conv.slab + i];
        conv_update(i, sum);
    }
    conv_update_end();
}
