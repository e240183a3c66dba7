// SPDX-License-Identifier: MIT
//
// dw = dy * x, see shared/conv.h, by rows (lib/rows.glsl). An invocation computes a row
// of taps of one channel of x for REG_M channels of y: A is REG_N neighbours of a row of
// dy, the line what they meet of x. Workgroups are numbered with the tiles of rows
// first: neighbours write to neighbouring memory.
//
// A whole kernel: conv_backward_weight_fetch.comp and conv_backward_weight_share.comp
// include it, the latter with SHARE defined.

#define SCALER_BINDING 4

#include "lib/tensor.glsl"

layout(constant_id = CONV_SPEC_KERNEL) const uint kernel = 4;
layout(constant_id = CONV_SPEC_STRIDE) const uint stride = 2;
layout(constant_id = CONV_SPEC_PAD) const uint pad = 1;
layout(constant_id = CONV_SPEC_REG_M) const uint REG_M = 8;
layout(constant_id = CONV_SPEC_REG_N) const uint REG_N = 8;

layout(push_constant) uniform Push { conv_weight_params p; };
TENSOR_TEXELS(0, line)    // x
TENSOR_TEXELS(1, a)       // dy

#define CONV_PARAMS p.conv
#include "lib/conv_load.glsl"
#include "lib/conv_update.glsl"

float load_a(float v)
{
    return conv_load_y(v);
}

float load_line(float v)
{
    return conv_load_x(v);
}

// The line starts `left` columns before tap 0 without padding.
const uint left = (pad + 3) / 4 * 4;

#define A_COUNT REG_N
#define LINE_FIRST (left - pad)
#define LINE_END (left - pad + (REG_N - 1) * stride + kernel)
#include "lib/rows.glsl"

void main()
{
    uint tiles_n = (p.conv.c_in * kernel + gl_WorkGroupSize.x - 1) / gl_WorkGroupSize.x;
    uint group = gl_WorkGroupID.y * p.conv.groups_x + gl_WorkGroupID.x;
    uint m0 = group / tiles_n * REG_M;
    uint tap_row = group % tiles_n * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
    bool stored = tap_row < p.conv.c_in * kernel;
    tap_row = min(tap_row, p.conv.c_in * kernel - 1);
    uint c = tap_row / kernel;
    uint u = tap_row % kernel;

    float acc[REG_M][kernel];
    [[unroll]] for (uint i = 0; i < REG_M; i++)
        [[unroll]] for (uint v = 0; v < kernel; v++)
            acc[i][v] = 0.0;
    uint h_out = p.conv.h_out, w_out = p.conv.w_out;
    uint h_in = p.conv.h_in, w_in = p.conv.w_in;
    uint steps = (w_out + REG_N - 1) / REG_N;    // in a row
    a_init(m0, p.conv.c_out, h_out * w_out);
    for (uint k = conv_sum_first() * steps; k < conv_sum_end() * steps; k++) {
        uint n = k / steps / h_out;
        uint h = k / steps % h_out;
        uint w = k % steps * REG_N;
        a_fetch(conv_y(n) + h * w_out + w, w_out - w);
        uint row = h * stride + u - pad;    // may wrap
        uint column = w * stride - left;
        line_fetch(conv_x(n) + (c * h_in + row) * w_in + column, column, w_in,
                   row < h_in);
        [[unroll]] for (uint i = 0; i < REG_M; i++)
            [[unroll]] for (uint j = 0; j < REG_N; j++) {
                float a = a_get(i, j);
                [[unroll]] for (uint v = 0; v < kernel; v++)
                    acc[i][v] += a * line[LINE_FIRST + j * stride + v];
            }
    }

    for (uint i = 0; i < REG_M; i++) {
        // As in conv_forward_rows.glsl.
        float sums[kernel];
        [[unroll]] for (uint k = 0; k < REG_M; k++)
            [[unroll]] for (uint v = 0; v < kernel; v++)
                sums[v] = k == i ? acc[k][v] : sums[v];
        if (!stored || m0 + i >= p.conv.c_out)
            continue;
        uint at = ((m0 + i) * p.conv.c_in * kernel + tap_row) * kernel;
        if (kernel % 4 == 0) {
            [[unroll]] for (uint v = 0; v + 3 < kernel; v += 4)
                conv_update_four(at + v,
                                 vec4(sums[v], sums[v + 1], sums[v + 2], sums[v + 3]));
        } else {
            [[unroll]] for (uint v = 0; v < kernel; v++)
                conv_update(at + v, sums[v]);
        }
    }
    conv_update_end();
}
