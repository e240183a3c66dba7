// SPDX-License-Identifier: MIT
//
// dw = dy * x, see shared/conv.h, as a matrix product (lib/tile.glsl):
//
//     m = c_out    n = (c_in, u, v)    k = (sample, row, column) of y
//
// One workgroup per tile; workgroups are numbered with the tiles of m first, so that
// neighbours share x.

#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require

#include "shared/conv.h"

layout(constant_id = CONV_SPEC_KERNEL) const uint kernel = 4;
layout(constant_id = CONV_SPEC_STRIDE) const uint stride = 2;
layout(constant_id = CONV_SPEC_PAD) const uint pad = 1;

layout(push_constant) uniform Push { conv_weight_params p; };
layout(binding = 0) readonly buffer X { STORE x[]; };
layout(binding = 1) readonly buffer DY { STORE dy[]; };

#define CONV_PARAMS p.conv
#include "lib/conv_load.glsl"
#include "lib/conv_update.glsl"

struct row {
    uint dy;      // index of the element of channel 0
    uint x;       // index of what its tap 0, 0 of channel 0 meets; may be outside
    uint h, w;    // that place; above and left of the image it wraps
};

struct column {
    uint x;       // the way of the tap from tap 0, 0 of channel 0
    uint u, v;
};

row row_of(uint k)
{
    uint plane = p.conv.h_out * p.conv.w_out;
    uint n = k / plane;
    uint h = k % plane / p.conv.w_out * stride - pad;
    uint w = k % p.conv.w_out * stride - pad;
    return row(p.conv.y.offset + n * (p.conv.y.stride - plane) + k,
               p.conv.x.offset + n * p.conv.x.stride + h * p.conv.w_in + w, h, w);
}

void row_next(inout row r)
{
    bool w_ends = r.w + stride + pad == p.conv.w_out * stride;
    bool h_ends = w_ends && r.h + stride + pad == p.conv.h_out * stride;
    uint h_back = stride * (p.conv.h_out - 1);
    uint w_back = stride * (p.conv.w_out - 1);
    r.dy += h_ends ? p.conv.y.stride - p.conv.h_out * p.conv.w_out + 1 : 1;
    r.x += h_ends ? p.conv.x.stride - h_back * p.conv.w_in - w_back
         : w_ends ? stride * p.conv.w_in - w_back
                  : stride;
    r.h += h_ends ? -h_back : w_ends ? stride : 0;
    r.w += w_ends ? -w_back : stride;
}

column column_of(uint n)
{
    uint u = n / kernel % kernel;
    uint v = n % kernel;
    return column((n / (kernel * kernel) * p.conv.h_in + u) * p.conv.w_in + v, u, v);
}

uint start_a(uint m)
{
    return m * p.conv.h_out * p.conv.w_out;
}

float load_a(uint start, row r)
{
    return conv_load_y(dy[start + r.dy]);
}

float load_b(row r, column c)
{
    bool inside = r.h + c.u < p.conv.h_in && r.w + c.v < p.conv.w_in;
    float value = x[inside ? r.x + c.x : 0];
    return inside ? conv_load_x(value) : 0.0;
}

#define TILE_B_ALONG_K 1
#include "lib/tile.glsl"

void main()
{
    uvec3 size = uvec3(p.conv.c_out, p.conv.c_in * kernel * kernel, p.conv.sum_end * p.conv.w_out);
    uint tiles_m = (size.x + TILE_M - 1) / TILE_M;
    uint group = gl_WorkGroupID.y * p.conv.groups_x + gl_WorkGroupID.x;
    uint m0 = group % tiles_m * TILE_M;
    uint n0 = group / tiles_m * TILE_N;
    if (n0 >= size.y)
        return;

    tile_multiply(m0, n0, size, p.conv.sum_first * p.conv.w_out);

    [[unroll]] for (uint i = 0; i < REG_M; i++) {
        uint m = tile_m(m0, i);
        [[unroll]] for (uint j = 0; j < REG_N; j++) {
            uint n = tile_n(n0, j);
            if (m < size.x && n < size.y)
                conv_update(m * size.y + n, acc[i][j]);
        }
    }
}
