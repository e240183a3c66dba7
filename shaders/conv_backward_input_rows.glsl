// SPDX-License-Identifier: MIT
//
// dx = w' * dy, see shared/conv.h, by rows (lib/rows.glsl); also the forward pass of a
// transposed convolution. An invocation computes REG_N neighbours of a row in REG_M
// channels of dx: A is a row of w's taps, the line what they meet of dy, each only those
// that leave the same remainder by the stride. Rows of dx whose row + p leave the same
// remainder meet the same rows of taps and form a phase: z. Workgroups of a phase are
// numbered with the tiles of channels first. The stride divides REG_N.
//
// A whole kernel: conv_backward_input_fetch.comp and conv_backward_input_share.comp
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
TENSOR_TEXELS(0, line)    // dy
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
    return conv_load_y(v);
}

// The first element of REG_N meets elements of dy up to `before` columns to the left.
const uint before = kernel > pad ? (kernel - 1 - pad) / stride : 0;
const uint left = (before + 3) / 4 * 4;

#define A_COUNT kernel
#define LINE_FIRST (left - before)
#define LINE_END (left + (REG_N - 1 + pad) / stride + 1)
#include "lib/rows.glsl"

void main()
{
    uint first = conv_phase();
    uint tap = (first + pad) % stride;
    // A constant where the stride divides the kernel: divisions by it are cheap then.
    uint taps = kernel / stride + (tap < kernel % stride ? 1 : 0);
    uint rows = (max(p.h_in, first) - first + stride - 1) / stride;

    uint tiles_m = (p.c_in + REG_M - 1) / REG_M;
    uint group = gl_WorkGroupID.y * p.groups_x + gl_WorkGroupID.x;
    uint m0 = group % tiles_m * REG_M;
    uint run = group / tiles_m * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
    uint runs = (p.w_in + REG_N - 1) / REG_N;    // in a row
    if (rows == 0)
        return;
    bool stored = run < p.n * rows * runs;
    run = min(run, p.n * rows * runs - 1);
    uint n = run / runs / rows;
    uint h = run / runs % rows;
    uint w = run % runs * REG_N;

    float acc[REG_M][REG_N];
    [[unroll]] for (uint i = 0; i < REG_M; i++)
        [[unroll]] for (uint j = 0; j < REG_N; j++)
            acc[i][j] = 0.0;
    uint row = h + (first + pad) / stride;
    uint column = w / stride - left;    // may wrap
    uint at = conv_y(n) + row * p.w_out + column;
    a_init(m0, p.c_in, kernel * kernel);
    for (uint k = conv_sum_first() * taps; k < conv_sum_end() * taps; k++) {
        uint c = k / taps, u = k % taps;
        a_fetch((c * p.c_in * kernel + tap + u * stride) * kernel, A_COUNT);
        line_fetch(at + (c * p.h_out - u) * p.w_out, column, p.w_out,
                   row - u < p.h_out);
        [[unroll]] for (uint i = 0; i < REG_M; i++)
            [[unroll]] for (uint v = 0; v < kernel; v++) {
                float a = a_get(i, v);
                [[unroll]] for (uint j = 0; j < REG_N; j++) {
                    uint met = j + pad + kernel * stride - v;
                    if (met % stride == 0)
                        acc[i][j] += a * line[left + met / stride - kernel];
                }
            }
    }

    uint plane = p.h_in * p.w_in;
    uint place = (first + h * stride) * p.w_in + w;
    for (uint i = 0; i < REG_M; i++) {
        // As in conv_forward_rows.glsl.
        float sums[REG_N];
        [[unroll]] for (uint k = 0; k < REG_M; k++)
            [[unroll]] for (uint j = 0; j < REG_N; j++)
                sums[j] = k == i ? acc[k][j] : sums[j];
        [[unroll]] for (uint j = 0; j < REG_N; j++)
            if (stored && m0 + i < p.c_in && w + j < p.w_in)
                conv_store(conv_x(n) + (m0 + i) * plane + place + j,
                           conv_z(n) + (m0 + i) * plane + place + j, m0 + i, sums[j]);
    }
}
