// SPDX-License-Identifier: MIT
//
// y = b + w * x, see shared/conv.h, for a few pixels (lib/vector.glsl). A workgroup
// computes ROWS rows of y in REG_M channels; its invocations go along (c_in, u) and
// fetch a row of four taps at a time. Workgroups are numbered with the tiles of channels
// first.

#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require

#define SCALER_BINDING 4
#define SCALER_MARKS

#include "shared/conv.h"
#include "lib/tensor.glsl"

layout(constant_id = CONV_SPEC_STRIDE) const uint stride = 2;
layout(constant_id = CONV_SPEC_PAD) const uint pad = 1;
layout(constant_id = CONV_SPEC_REG_M) const uint REG_M = 4;
layout(constant_id = CONV_SPEC_ROWS) const uint ROWS = 1;
layout(constant_id = CONV_SPEC_W_IN) const uint W_IN = 2;
layout(constant_id = CONV_SPEC_W_OUT) const uint W_OUT = 1;
const uint kernel = 4;

layout(push_constant) uniform Push { conv_params p; };
TENSOR_TEXELS(0, x)    // of four floats if they divide W_IN
TENSOR_TEXELS(1, w)    // of four floats

#define CONV_PARAMS p
#include "lib/conv_load.glsl"
#include "lib/conv_store.glsl"

#define CHANNELS 1
#define SUMS (REG_M * ROWS * W_OUT)
void sum_store(uint sum, uint channel, float value);
#include "lib/vector.glsl"

uint m0, row0;

void sum_store(uint sum, uint channel, float value)
{
    uint m = m0 + sum / (ROWS * W_OUT);
    uint row = row0 + sum / W_OUT % ROWS;
    if (m >= p.c_out || row >= p.n * p.h_out)
        return;
    uint n = row / p.h_out;
    uint place = (m * p.h_out + row % p.h_out) * W_OUT + sum % W_OUT;
    conv_store(conv_y(n) + place, conv_z(n) + place, m, value);
}

void main()
{
    uint tiles_m = (p.c_out + REG_M - 1) / REG_M;
    uint group = gl_WorkGroupID.y * p.groups_x + gl_WorkGroupID.x;
    m0 = group % tiles_m * REG_M;
    row0 = group / tiles_m * ROWS;
    if (row0 >= p.n * p.h_out)
        return;

    [[unroll]] for (uint i = 0; i < SUMS; i++)
        sums[i] = 0.0;
    uint starts[REG_M];
    [[unroll]] for (uint i = 0; i < REG_M; i++)
        starts[i] = min(m0 + i, p.c_out - 1) * p.c_in * kernel;
    for (uint k = conv_sum_first() * kernel + vector_part(); k < conv_sum_end() * kernel;
         k += PARTS) {
        vec4 w[REG_M];
        [[unroll]] for (uint i = 0; i < REG_M; i++)
            w[i] = w_texel(int(starts[i] + k));
        [[unroll]] for (uint r = 0; r < ROWS; r++) {
            uint row = min(row0 + r, p.n * p.h_out - 1);
            uint h = row % p.h_out * stride + k % kernel - pad;    // may wrap
            bool inside = h < p.h_in;
            uint at = conv_x(row / p.h_out) + (k / kernel * p.h_in + h) * W_IN;
            float line[W_IN];
            if (W_IN % 4 == 0) {
                [[unroll]] for (uint i = 0; i < W_IN; i += 4) {
                    vec4 v = x_texel(int(inside ? (at + i) / 4 : 0));
                    line[i] = inside ? conv_load_x(v.x) : 0.0;
                    line[i + 1] = inside ? conv_load_x(v.y) : 0.0;
                    line[i + 2] = inside ? conv_load_x(v.z) : 0.0;
                    line[i + 3] = inside ? conv_load_x(v.w) : 0.0;
                }
            } else {
                [[unroll]] for (uint i = 0; i < W_IN; i++) {
                    float v = x_texel(int(inside ? at + i : 0)).x;
                    line[i] = inside ? conv_load_x(v) : 0.0;
                }
            }
            [[unroll]] for (uint i = 0; i < REG_M; i++)
                [[unroll]] for (uint j = 0; j < W_OUT; j++)
                    [[unroll]] for (uint v = 0; v < kernel; v++)
                        if (j * stride + v >= pad && j * stride + v < W_IN + pad)
                            sums[(i * ROWS + r) * W_OUT + j] +=
                                w[i][v] * line[j * stride + v - pad];
        }
    }
    vector_finish();
}
