// SPDX-License-Identifier: MIT
//
// y = b + w * x, see shared/conv.h. One invocation per element of y, striding.
// The definition of the convolution on the device; conv_forward_tiled is the fast one.

#version 460
#extension GL_GOOGLE_include_directive : require

#define SCALER_BINDING 4
#define SCALER_MARKS

#include "shared/conv.h"
#include "lib/grid.glsl"
#include "lib/tensor.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = CONV_SPEC_KERNEL) const uint kernel = 4;
layout(constant_id = CONV_SPEC_STRIDE) const uint stride = 2;
layout(constant_id = CONV_SPEC_PAD) const uint pad = 1;

layout(push_constant) uniform Push { conv_params p; };
TENSOR_READ(0, x)
TENSOR_READ(1, w)

#define CONV_PARAMS p
#include "lib/conv_load.glsl"
#include "lib/conv_store.glsl"

void main()
{
    GRID_STRIDE(i, p.n * p.c_out * p.h_out * p.w_out)
    {
        uint column = i % p.w_out;
        uint row = i / p.w_out % p.h_out;
        uint c_out = i / (p.w_out * p.h_out) % p.c_out;
        uint n = i / (p.w_out * p.h_out * p.c_out);

        float sum = 0.0;
        for (uint c = conv_sum_first(); c < conv_sum_end(); c++)
            for (uint u = 0; u < kernel; u++)
                for (uint v = 0; v < kernel; v++) {
                    // Above and left of the image these wrap to large numbers.
                    uint h_x = row * stride + u - pad;
                    uint w_x = column * stride + v - pad;
                    if (h_x < p.h_in && w_x < p.w_in)
                        sum += w_at(((c_out * p.c_in + c) * kernel + u) * kernel + v)
                             * conv_load_x(x_at(p.x.offset + n * p.x.stride +
                                           (c * p.h_in + h_x) * p.w_in + w_x));
                }
        uint place = (c_out * p.h_out + row) * p.w_out + column;
        conv_store(p.y.offset + n * p.y.stride + place,
                   p.z.offset + n * p.z.stride + place, c_out, sum);
    }
}
