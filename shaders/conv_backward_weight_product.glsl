// SPDX-License-Identifier: MIT
//
// dw = dy * x, see shared/conv.h, as a matrix product (lib/tile.glsl, lib/matrix.glsl):
//
//     m = c_out    n = (c_in, u, v)    k = (sample, row, column) of y
//
// One workgroup per tile; workgroups are numbered with the tiles of m first, so that
// neighbours share x.
//
// A whole kernel: conv_backward_weight_tiled.comp and conv_backward_weight_matrix.comp
// include it, the latter with MATRIX defined.

#define SCALER_BINDING 4

#include "lib/tensor.glsl"
#include "lib/tile_size.glsl"
#include "lib/operands.glsl"

layout(constant_id = CONV_SPEC_KERNEL) const uint kernel = 4;
layout(constant_id = CONV_SPEC_STRIDE) const uint stride = 2;
layout(constant_id = CONV_SPEC_PAD) const uint pad = 1;

layout(push_constant) uniform Push { conv_weight_params p; };
OPERANDS(dy, x)

#define CONV_PARAMS p.conv
#include "lib/conv_load.glsl"
#include "lib/conv_update.glsl"

struct row {
    uint a;        // index of the element of channel 0
    uint b;        // index of what its tap 0, 0 of channel 0 meets; may be outside
    uint h, w;     // that place; above and left of the image it wraps
    uint ahead;    // not used
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
               p.conv.x.offset + n * p.conv.x.stride + h * p.conv.w_in + w, h, w, 0);
}

void row_next(inout row r)
{
    bool w_ends = r.w + stride + pad == p.conv.w_out * stride;
    bool h_ends = w_ends && r.h + stride + pad == p.conv.h_out * stride;
    uint h_back = stride * (p.conv.h_out - 1);
    uint w_back = stride * (p.conv.w_out - 1);
    r.a += h_ends ? p.conv.y.stride - p.conv.h_out * p.conv.w_out + 1 : 1;
    r.b += h_ends ? p.conv.x.stride - h_back * p.conv.w_in - w_back
         : w_ends ? stride * p.conv.w_in - w_back
                  : stride;
    r.h += h_ends ? -h_back : w_ends ? stride : 0;
    r.w += w_ends ? -w_back : stride;
}

// Four neighbours in n are taps of one row of the kernel.
#ifdef MATRIX
const bool TILE_B_LINEAR = false;
#else
const bool TILE_B_LINEAR = kernel % 4 + RAGGED + DIRECT == 0;
#endif

column column_of(uint n)
{
    uint u = n / kernel % kernel;
    uint v = TILE_B_LINEAR && kernel == 4 ? 0 : n % kernel;
    return column((n / (kernel * kernel) * p.conv.h_in + u) * p.conv.w_in + v, u, v);
}

uint stride_a()
{
    return p.conv.h_out * p.conv.w_out;
}

float value_a(float v)
{
    return conv_load_y(v);
}

uint index_b(row r, column c)
{
    return r.b + c.x;
}

bool inside_b(row r, column c, uint j)
{
    return r.h + c.u < p.conv.h_in && r.w + c.v + j < p.conv.w_in;
}

float value_b(float v)
{
    return conv_load_x(v);
}

#ifdef MATRIX
const bool A_PLAIN = (load & ~CONV_LOAD_RELU) != CONV_LOAD_Y;
const bool B_PLAIN = (load & ~CONV_LOAD_RELU) != CONV_LOAD_X;

uint last_b()
{
    return p.conv.x.offset + (p.conv.n - 1) * p.conv.x.stride +
           p.conv.c_in * p.conv.h_in * p.conv.w_in - 1;
}

// With runs in A none crosses a row of y.
row row_at(row first, row before, uint i)
{
    row r = before;
    row_next(r);
    return RUNS_A != 0 ? row(first.a + i, first.b + i * stride, first.h,
                             first.w + i * stride, first.ahead)
                       : r;
}
#endif

const bool TILE_STEADY = false;

// How far TILE_K elements of y later are: rows and columns in x, indices; and what is
// added to indices where a row or a sample ends on the way.
uint h_jump, w_jump, a_jump, b_jump, b_row, a_sample, b_sample;

void jump_init()
{
    uint plane = p.conv.h_out * p.conv.w_out;
    uint samples = TILE_K / plane;
    h_jump = TILE_K % plane / p.conv.w_out * stride;
    w_jump = TILE_K % p.conv.w_out * stride;
    a_sample = p.conv.y.stride - plane;
    a_jump = samples * a_sample + TILE_K;
    b_row = (p.conv.w_in - p.conv.w_out) * stride;
    b_sample = p.conv.x.stride - p.conv.h_out * stride * p.conv.w_in;
    b_jump = samples * p.conv.x.stride + h_jump * p.conv.w_in + w_jump;
}

void row_jump(inout row r, uint k)
{
#ifdef MATRIX
    if (PACKED != 0) {
        r = row_of(k);
        return;
    }
#endif
    r.w += w_jump;
    bool w_ends = r.w + pad >= p.conv.w_out * stride;
    r.w -= w_ends ? p.conv.w_out * stride : 0;
    r.h += h_jump + (w_ends ? stride : 0);
    bool h_ends = r.h + pad >= p.conv.h_out * stride;
    r.h -= h_ends ? p.conv.h_out * stride : 0;
    r.a += a_jump + (h_ends ? a_sample : 0);
    r.b += b_jump + (w_ends ? b_row : 0) + (h_ends ? b_sample : 0);
}

#include "lib/product.glsl"

void main()
{
    uvec3 size = uvec3(p.conv.c_out, p.conv.c_in * kernel * kernel,
                       conv_sum_end() * p.conv.w_out);
    uint tiles_m = (size.x + TILE_M - 1) / TILE_M;
    uint group = gl_WorkGroupID.y * p.conv.groups_x + gl_WorkGroupID.x;
    uint m0 = group % tiles_m * TILE_M;
    uint n0 = group / tiles_m * TILE_N;
    if (n0 >= size.y)
        return;

    jump_init();
    tile_multiply(m0, n0, size, conv_sum_first() * p.conv.w_out);

#ifdef MATRIX
    TILE_FINISH(i, j, sum, uint n = n0 + j;, uint m = m0 + i;
                if (m < size.x && n < size.y) conv_update(m * size.y + n, sum);)
#else
    TILE_FINISH(i, j, sum, uint m = tile_m(m0, i); uint n = tile_n(n0, j);
                if (m < size.x && n < size.y) conv_update(m * size.y + n, sum);)
#endif
    conv_update_end();
}
