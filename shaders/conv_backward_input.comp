// SPDX-License-Identifier: MIT
//
// dx = w' * dy, see shared/conv.h; also the forward pass of a transposed convolution,
// then with b, a number per channel of dx. One invocation per element of dx, striding.
// It visits only the taps that meet an element of dy: the phase of the row and column
// in the stride decides on them.

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
TENSOR_READ(0, dy)
TENSOR_READ(1, w)

#define CONV_PARAMS p
#include "lib/conv_load.glsl"
#include "lib/conv_store.glsl"

void main()
{
    GRID_STRIDE(i, p.n * p.c_in * p.h_in * p.w_in)
    {
        uint column = i % p.w_in + pad;
        uint row = i / p.w_in % p.h_in + pad;
        uint c_in = i / (p.w_in * p.h_in) % p.c_in;
        uint n = i / (p.w_in * p.h_in * p.c_in);

        float sum = 0.0;
        for (uint c = conv_sum_first(); c < conv_sum_end(); c++)
            for (uint u = row % stride; u < kernel; u += stride)
                for (uint v = column % stride; v < kernel; v += stride) {
                    // Exact quotients, but of numbers that may be below zero.
                    uint h_y = row >= u ? (row - u) / stride : p.h_out;
                    uint w_y = column >= v ? (column - v) / stride : p.w_out;
                    if (h_y < p.h_out && w_y < p.w_out)
                        sum += w_at(((c * p.c_in + c_in) * kernel + u) * kernel + v)
                             * conv_load_y(dy_at(p.y.offset + n * p.y.stride +
                                            (c * p.h_out + h_y) * p.w_out + w_y));
                }
        uint place = i % (p.c_in * p.h_in * p.w_in);
        conv_store(p.x.offset + n * p.x.stride + place,
                   p.z.offset + n * p.z.stride + place, c_in, sum);
    }
}
