// SPDX-License-Identifier: MIT
//
// dw = dy * x, see shared/conv.h. One invocation per element of dw, striding.

#version 460
#extension GL_GOOGLE_include_directive : require

#include "shared/conv.h"
#include "lib/grid.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = CONV_SPEC_KERNEL) const uint kernel = 4;
layout(constant_id = CONV_SPEC_STRIDE) const uint stride = 2;
layout(constant_id = CONV_SPEC_PAD) const uint pad = 1;
layout(constant_id = CONV_SPEC_ACCUMULATE) const uint accumulate = 0;

layout(push_constant) uniform Push { conv_params p; };
layout(binding = 0) readonly buffer X { STORE x[]; };
layout(binding = 1) readonly buffer DY { STORE dy[]; };
layout(binding = 2) buffer DW { STORE dw[]; };

void main()
{
    GRID_STRIDE(i, p.c_out * p.c_in * kernel * kernel)
    {
        uint v = i % kernel;
        uint u = i / kernel % kernel;
        uint c_in = i / (kernel * kernel) % p.c_in;
        uint c_out = i / (kernel * kernel * p.c_in);

        float sum = 0.0;
        for (uint row = p.sum_first; row < p.sum_end; row++) {
            uint n = row / p.h_out;
            uint h_y = row % p.h_out;
            for (uint w_y = 0; w_y < p.w_out; w_y++) {
                // Above and left of the image these wrap to large numbers.
                uint h_x = h_y * stride + u - pad;
                uint w_x = w_y * stride + v - pad;
                if (h_x < p.h_in && w_x < p.w_in)
                    sum += dy[((n * p.c_out + c_out) * p.h_out + h_y) * p.w_out + w_y]
                         * x[((n * p.c_in + c_in) * p.h_in + h_x) * p.w_in + w_x];
            }
        }
        dw[i] = accumulate != 0 ? dw[i] + sum : sum;
    }
}
