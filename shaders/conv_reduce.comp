// SPDX-License-Identifier: MIT
//
// The end of a forward pass or input gradient whose sum was computed in parts: adds them
// up in their order, one element at a time. The output has the names of y here, whichever
// direction it is of. See lib/conv_parts.glsl.

#version 460
#extension GL_GOOGLE_include_directive : require

#define SCALER_BINDING 3
#define SCALER_MARKS

#include "shared/conv.h"
#include "lib/grid.glsl"

layout(local_size_x_id = 0) in;
layout(push_constant) uniform Push { conv_params p; };
layout(binding = 0) readonly buffer Slabs { STORE slabs[]; };

#define CONV_PARAMS p
#define CONV_STORE_BINDING 1
#include "lib/conv_store.glsl"

void main()
{
    uint plane = p.h_out * p.w_out;
    uint run = p.c_out * plane;
    GRID_STRIDE(i, p.slab) {
        float sum = 0.0;
        for (uint k = p.sum_first; k < p.sum_end; k++)
            sum += slabs[k * p.slab + i];
        uint n = i / run;
        conv_store(p.y.offset + n * p.y.stride + i % run,
                   p.z.offset + n * p.z.stride + i % run, i % run / plane, sum);
    }
}
