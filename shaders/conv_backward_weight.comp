// SPDX-License-Identifier: MIT
//
// dw = dy * x, see shared/conv.h. One invocation per element of dw, striding.

#version 460
#extension GL_GOOGLE_include_directive : require

#define SCALER_BINDING 4

#include "shared/conv.h"
#include "lib/tensor.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = CONV_SPEC_KERNEL) const uint kernel = 4;
layout(constant_id = CONV_SPEC_STRIDE) const uint stride = 2;
layout(constant_id = CONV_SPEC_PAD) const uint pad = 1;

layout(push_constant) uniform Push { conv_weight_params p; };
TENSOR_READ(0, x)
TENSOR_READ(1, dy)

#define CONV_PARAMS p.conv
#include "lib/conv_load.glsl"
#include "lib/conv_update.glsl"

void main()
{
    uint count = p.conv.c_out * p.conv.c_in * kernel * kernel;
    for (uint i = gl_GlobalInvocationID.x; i < count; i += p.conv.stride)
    {
        uint v = i % kernel;
        uint u = i / kernel % kernel;
        uint c_in = i / (kernel * kernel) % p.conv.c_in;
        uint c_out = i / (kernel * kernel * p.conv.c_in);

        float sum = 0.0;
        for (uint row = conv_sum_first(); row < conv_sum_end(); row++) {
            uint n = row / p.conv.h_out;
            uint h_y = row % p.conv.h_out;
            for (uint w_y = 0; w_y < p.conv.w_out; w_y++) {
                // Above and left of the image these wrap to large numbers.
                uint h_x = h_y * stride + u - pad;
                uint w_x = w_y * stride + v - pad;
                if (h_x < p.conv.h_in && w_x < p.conv.w_in)
                    sum += conv_load_y(dy_at(p.conv.y.offset + n * p.conv.y.stride +
                                          (c_out * p.conv.h_out + h_y) * p.conv.w_out + w_y))
                         * conv_load_x(x_at(p.conv.x.offset + n * p.conv.x.stride +
                                         (c_in * p.conv.h_in + h_x) * p.conv.w_in + w_x));
            }
        }
        conv_update(i, sum);
    }
    conv_update_end();
}
