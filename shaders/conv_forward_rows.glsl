// SPDX-License-Identifier: MIT
//
// y = b + w * x, see shared/conv.h, by rows (lib/rows.glsl). An invocation computes
// REG_N neighbours of a row in REG_M channels of y: A is a row of w's taps, the line
// what they meet of x. Workgroups are numbered with the tiles of channels first.
//
// A whole kernel: conv_forward_fetch.comp and conv_forward_share.comp
// include it, the latter with SHARE defined.

#define SCALER_BINDING 4
#define SCALER_MARKS

#include "lib/tensor.glsl"

layout(constant_id = CONV_SPEC_KERNEL) const uint kernel = 4;
layout(constant_id = CONV_SPEC_STRIDE) const uint stride = 2;
layout(constant_id = CONV_SPEC_PAD) const uint pad = 1;
layout(constant_id = CONV_SPEC_REG_M) const uint REG_M = 8;
layout(constant_id = CONV_SPEC_REG_N) const uint REG_N = 8;

layout(push_constant) uniform Push { conv_params p; };
TENSOR_TEXELS(0, line)    // x
TENSOR_TEXELS(1, a)       // w

#define CONV_PARAMS p
#include "lib/conv_load.glsl"
#include "lib/conv_store.glsl"

float load_a(float v)
{
    return v;
}

float load_line(float v)
{
    return conv_load_x(v);
}

// The line starts `left` columns before tap 0 without padding.
const uint left = (pad + 3) / 4 * 4;

#define A_COUNT kernel
#define LINE_FIRST (left - pad)
#define LINE_END (left - pad + (REG_N - 1) * stride + kernel)
#include "lib/rows.glsl"

void main()
{
    uint tiles_m = (p.c_out + REG_M - 1) / REG_M;
    uint group = gl_WorkGroupID.y * p.groups_x + gl_WorkGroupID.x;
    uint m0 = group % tiles_m * REG_M;
    uint run = group / tiles_m * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
    uint runs = (p.w_out + REG_N - 1) / REG_N;    // in a row
    bool stored = run < p.n * p.h_out * runs;
    run = min(run, p.n * p.h_out * runs - 1);
    uint n = run / runs / p.h_out;
    uint h = run / runs % p.h_out;
    uint w = run % runs * REG_N;

    float acc[REG_M][REG_N];
    [[unroll]] for (uint i = 0; i < REG_M; i++)
        [[unroll]] for (uint j = 0; j < REG_N; j++)
            acc[i][j] = 0.0;
    uint row = h * stride - pad;       // may wrap
    uint column = w * stride - left;
    uint at = conv_x(n) + row * p.w_in + column;
    a_init(m0, p.c_out, p.c_in * kernel * kernel);
    for (uint k = conv_sum_first() * kernel; k < conv_sum_end() * kernel; k++) {
        uint u = k % kernel;
        a_fetch(k * kernel, A_COUNT);
        line_fetch(at + (k / kernel * p.h_in + u) * p.w_in, column, p.w_in,
                   row + u < p.h_in);
        [[unroll]] for (uint i = 0; i < REG_M; i++)
            [[unroll]] for (uint v = 0; v < kernel; v++) {
                float a = a_get(i, v);
                [[unroll]] for (uint j = 0; j < REG_N; j++)
                    acc[i][j] += a * line[LINE_FIRST + j * stride + v];
            }
    }

    uint plane = p.h_out * p.w_out;
    uint place = h * p.w_out + w;
    for (uint i = 0; i < REG_M; i++) {
        // The loop is not unrolled: lavapipe would take seconds to compile REG_M * REG_N
        // stores. Registers cannot be indexed, so a row is picked by comparing.
        float sums[REG_N];
        [[unroll]] for (uint k = 0; k < REG_M; k++)
            [[unroll]] for (uint j = 0; j < REG_N; j++)
                sums[j] = k == i ? acc[k][j] : sums[j];
        [[unroll]] for (uint j = 0; j < REG_N; j++)
            if (stored && m0 + i < p.c_out && w + j < p.w_out)
                conv_store(conv_y(n) + (m0 + i) * plane + place + j,
                           conv_z(n) + (m0 + i) * plane + place + j, m0 + i, sums[j]);
    }
}
