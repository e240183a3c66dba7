// SPDX-License-Identifier: MIT
//
// dx = w' * dy, see shared/conv.h, for a few pixels (lib/vector.glsl); also the forward
// pass of a transposed convolution. An invocation computes a channel of SAMPLES whole
// samples of dx from a part of the channels of dy, whose taps it fetches four at a time.
// Workgroups are numbered with the channels first.

#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require

#define SCALER_BINDING 4
#define SCALER_MARKS

#include "shared/conv.h"
#include "lib/tensor.glsl"

layout(constant_id = CONV_SPEC_STRIDE) const uint stride = 2;
layout(constant_id = CONV_SPEC_PAD) const uint pad = 1;
layout(constant_id = CONV_SPEC_CHANNELS) const uint CHANNELS = 8;
layout(constant_id = CONV_SPEC_ROWS) const uint SAMPLES = 1;
layout(constant_id = CONV_SPEC_H_IN) const uint H_IN = 2;
layout(constant_id = CONV_SPEC_W_IN) const uint W_IN = 2;
layout(constant_id = CONV_SPEC_H_OUT) const uint H_OUT = 1;
layout(constant_id = CONV_SPEC_W_OUT) const uint W_OUT = 1;
const uint kernel = 4;
const uint plane_in = H_IN * W_IN;
const uint plane_out = H_OUT * W_OUT;

layout(push_constant) uniform Push { conv_params p; };
TENSOR_TEXELS(0, dy)    // of four if they divide a plane
TENSOR_TEXELS(1, w)     // of four floats

#define CONV_PARAMS p
#include "lib/conv_load.glsl"
#include "lib/conv_store.glsl"

#define SUMS (SAMPLES * plane_in)
void sum_store(uint sum, uint channel, float value);
#include "lib/vector.glsl"

uint m0, n0;

void sum_store(uint sum, uint channel, float value)
{
    uint n = n0 + sum / plane_in;
    uint m = m0 + channel;
    if (m >= p.c_in || n >= p.n)
        return;
    uint place = m * plane_in + sum % plane_in;
    conv_store(conv_x(n) + place, conv_z(n) + place, m, value);
}

void main()
{
    uint tiles_m = (p.c_in + CHANNELS - 1) / CHANNELS;
    uint group = gl_WorkGroupID.y * p.groups_x + gl_WorkGroupID.x;
    m0 = group % tiles_m * CHANNELS;
    n0 = group / tiles_m * SAMPLES;
    if (n0 >= p.n)
        return;

    [[unroll]] for (uint i = 0; i < SUMS; i++)
        sums[i] = 0.0;
    uint m = min(m0 + vector_channel(), p.c_in - 1);
    for (uint k = conv_sum_first() + vector_part(); k < conv_sum_end(); k += PARTS) {
        vec4 w[kernel];
        [[unroll]] for (uint u = 0; u < kernel; u++)
            w[u] = w_texel(int((k * p.c_in + m) * kernel + u));
        [[unroll]] for (uint s = 0; s < SAMPLES; s++) {
            uint at = conv_y(min(n0 + s, p.n - 1)) + k * plane_out;
            vec4 held = vec4(0.0);
            [[unroll]] for (uint i = 0; i < plane_out; i++) {
                if (plane_out % 4 != 0)
                    held[i % 4] = dy_texel(int(at + i)).x;
                else if (i % 4 == 0)
                    held = dy_texel(int((at + i) / 4));
                float dy = conv_load_y(held[i % 4]);
                uint h = i / W_OUT * stride, column = i % W_OUT * stride;
                [[unroll]] for (uint u = 0; u < kernel; u++)
                    [[unroll]] for (uint v = 0; v < kernel; v++)
                        if (h + u >= pad && h + u < H_IN + pad && column + v >= pad &&
                            column + v < W_IN + pad)
                            sums[s * plane_in + (h + u - pad) * W_IN + column + v - pad]
                                += w[u][v] * dy;
            }
        }
    }
    vector_finish();
}
