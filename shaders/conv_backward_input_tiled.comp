// SPDX-License-Identifier: MIT
//
// dx = w' * dy, see shared/conv.h; also the forward pass of a transposed convolution,
// then with b, a number per channel of dx. The elements of dx whose row + p and column
// + p leave the same remainders by the stride form a phase: they meet the same taps,
// those that leave these remainders too. Each phase is a matrix product of its own
// (lib/tile.glsl), so that nothing is multiplied by a zero between strides:
//
//     m = c_in    n = (sample, row, column) of the phase    k = (c_out, tap u, tap v)
//
// One workgroup per tile of a phase; z is the phase; workgroups of a phase are numbered
// with the tiles of m first, so that neighbours share dy.

#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require

#define SCALER_BINDING 4
#define SCALER_MARKS

#include "shared/conv.h"
#include "lib/tensor.glsl"
#include "lib/tile_size.glsl"

layout(constant_id = CONV_SPEC_KERNEL) const uint kernel = 4;
layout(constant_id = CONV_SPEC_STRIDE) const uint stride = 2;
layout(constant_id = CONV_SPEC_PAD) const uint pad = 1;

layout(push_constant) uniform Push { conv_params p; };
TENSOR_READ(0, dy)
TENSOR_READ(1, w)

#define CONV_PARAMS p
#include "lib/conv_load.glsl"
#include "lib/conv_store.glsl"

// The phase holds rows and columns first, first + stride, ...; `extent` of them. Its
// taps are tap, tap + stride, ...; `taps` of them.
uvec2 first, extent, tap, taps;

void phase_init()
{
    first = uvec2(conv_phase() / stride, conv_phase() % stride);
    extent = (max(uvec2(p.h_in, p.w_in), first) - first + stride - 1) / stride;
    tap = (first + pad) % stride;
    // Constants where the stride divides the kernel: divisions by it are cheap then.
    taps.x = kernel / stride + (tap.x < kernel % stride ? 1 : 0);
    taps.y = kernel / stride + (tap.y < kernel % stride ? 1 : 0);
}

struct row {
    uint a;        // index of the tap for c_in 0
    uint b;        // index of channel c_out, less the tap's way up and left
    uint u, v;     // the tap's number in the phase
    uint ahead;    // as said in lib/tile.glsl
};

struct column {
    uint dy;      // index in channel 0 of what tap 0, 0 meets; may be outside
    uint h, w;    // its place
};

row row_of(uint k)
{
    uint c = k / (taps.x * taps.y);
    uint u = k / taps.y % taps.x;
    uint v = k % taps.y;
    return row((c * p.c_in * kernel + tap.x + u * stride) * kernel + tap.y + v * stride,
               (c * p.h_out - u) * p.w_out - v, u, v, 0);
}

void row_next(inout row r)
{
    bool v_ends = r.v + 1 == taps.y;
    bool u_ends = v_ends && r.u + 1 == taps.x;
    uint v_back = stride * (taps.y - 1);
    r.a += u_ends ? (p.c_in * kernel - stride * (taps.x - 1)) * kernel - v_back
         : v_ends ? stride * kernel - v_back
                  : stride;
    r.b += u_ends ? (p.h_out + taps.x - 1) * p.w_out + taps.y - 1
          : v_ends ? taps.y - 1 - p.w_out
                   : -1;
    r.u = u_ends ? 0 : v_ends ? r.u + 1 : r.u;
    r.v = v_ends ? 0 : r.v + 1;
}

column column_of(uint n)
{
    uint plane = extent.x * extent.y;
    uint h = (first.x + pad) / stride + n % plane / extent.y;
    uint w = (first.y + pad) / stride + n % extent.y;
    return column(p.y.offset + n / plane * p.y.stride + h * p.w_out + w, h, w);
}

uint stride_a()
{
    return kernel * kernel;
}

float load_a(uint index)
{
    return w_at(index);
}

float value_a(float v)
{
    return v;
}

uint index_b(row r, column c)
{
    return c.dy + r.b;
}

bool inside_b(row r, column c, uint j)
{
    // What lies above and left wraps to large numbers.
    return c.h - r.u < p.h_out && c.w - r.v < p.w_out;
}

float load_b(uint index)
{
    return dy_at(index);
}

float value_b(float v)
{
    return conv_load_y(v);
}

// If all phases have the same number of taps, and TILE_K is a multiple of it.
const bool TILE_STEADY =
    kernel % stride + TILE_K * stride * stride % (kernel * kernel) == 0;
const bool TILE_B_LINEAR = false;

void row_jump(inout row r, uint k)
{
    const uint channels = TILE_K * stride * stride / (kernel * kernel);
    if (TILE_STEADY) {
        r.a += channels * p.c_in * kernel * kernel;
        r.ahead += channels * p.h_out * p.w_out;
    } else {
        r = row_of(k);
    }
}

#include "lib/tile.glsl"

void main()
{
    phase_init();
    uint plane = extent.x * extent.y;
    uvec3 size = uvec3(p.c_in, p.n * plane, conv_sum_end() * taps.x * taps.y);
    uint tiles_m = (size.x + TILE_M - 1) / TILE_M;
    uint group = gl_WorkGroupID.y * p.groups_x + gl_WorkGroupID.x;
    uint m0 = group % tiles_m * TILE_M;
    uint n0 = group / tiles_m * TILE_N;
    if (n0 >= size.y)
        return;

    tile_multiply(m0, n0, size, conv_sum_first() * taps.x * taps.y);

    uint starts[REG_N], starts_z[REG_N];
    bool stored[REG_N];
    [[unroll]] for (uint j = 0; j < REG_N; j++) {
        uint n = min(tile_n(n0, j), size.y - 1);
        uvec2 at = first + stride * uvec2(n % plane / extent.y, n % extent.y);
        uint place = at.x * p.w_in + at.y;
        starts[j] = p.x.offset + n / plane * p.x.stride + place;
        starts_z[j] = p.z.offset + n / plane * p.z.stride + place;
        stored[j] = tile_n(n0, j) < size.y;
    }
    TILE_FINISH(i, j, sum, uint m = tile_m(m0, i); uint channel = m * p.h_in * p.w_in;
                if (stored[j] && m < size.x)
                    conv_store(starts[j] + channel, starts_z[j] + channel, m, sum);)
}
