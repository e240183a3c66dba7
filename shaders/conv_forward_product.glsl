// SPDX-License-Identifier: MIT
//
// y = b + w * x, see shared/conv.h, as a matrix product (lib/tile.glsl, lib/matrix.glsl):
//
//     m = c_out    n = (sample, row, column) of y    k = (c_in, u, v)
//
// One workgroup per tile; workgroups are numbered with the tiles of m first, so that
// neighbours share x.
//
// A whole kernel: conv_forward_tiled.comp and conv_forward_matrix.comp include it, the
// latter with MATRIX defined.

#define SCALER_BINDING 4
#define SCALER_MARKS

#include "lib/tensor.glsl"
#include "lib/tile_size.glsl"
#include "lib/operands.glsl"

layout(constant_id = CONV_SPEC_KERNEL) const uint kernel = 4;
layout(constant_id = CONV_SPEC_STRIDE) const uint stride = 2;
layout(constant_id = CONV_SPEC_PAD) const uint pad = 1;

layout(push_constant) uniform Push { conv_params p; };
OPERANDS(w, x)

#define CONV_PARAMS p
#include "lib/conv_load.glsl"
#include "lib/conv_store.glsl"

struct row {
    uint a;
    uint b;        // index of tap u, v of channel c, from where tap 0, 0 of 0 is
    uint u, v;
    uint ahead;    // as said in lib/tile.glsl
};

struct column {
    uint x;       // index of tap 0, 0 of channel 0; in the padding it is meaningless
    uint h, w;    // its place in the image; above and left of it they wrap
};

row row_of(uint k)
{
    uint u = k / kernel % kernel;
    uint v = k % kernel;
    return row(k, (k / (kernel * kernel) * p.h_in + u) * p.w_in + v, u, v, 0);
}

void row_next(inout row r)
{
    bool v_ends = r.v + 1 == kernel;
    bool u_ends = v_ends && r.u + 1 == kernel;
    r.a++;
    r.b += u_ends ? (p.h_in - kernel + 1) * p.w_in - kernel + 1
         : v_ends ? p.w_in - kernel + 1
                  : 1;
    r.u = u_ends ? 0 : v_ends ? r.u + 1 : r.u;
    r.v = v_ends ? 0 : r.v + 1;
}

column column_of(uint n)
{
    uint plane = p.h_out * p.w_out;
    uint h = n % plane / p.w_out * stride - pad;
    uint w = n % p.w_out * stride - pad;
    return column(p.x.offset + n / plane * p.x.stride + h * p.w_in + w, h, w);
}

uint stride_a()
{
    return p.c_in * kernel * kernel;
}

float value_a(float v)
{
    return v;
}

uint index_b(row r, column c)
{
    return c.x + r.b;
}

bool inside_b(row r, column c, uint j)
{
    return c.h + r.u < p.h_in && c.w + r.v < p.w_in;
}

float value_b(float v)
{
    return conv_load_x(v);
}

#ifdef MATRIX
const bool A_PLAIN = true;
const bool B_PLAIN = (load & ~CONV_LOAD_RELU) != CONV_LOAD_X;

uint last_b()
{
    return p.x.offset + (p.n - 1) * p.x.stride + p.c_in * p.h_in * p.w_in - 1;
}

// Two rows of a kernel of 4.
row row_at(row first, row before, uint i)
{
    row r = before;
    row_next(r);
    return kernel == 4 ? row(first.a + i, first.b + i / 4 * p.w_in + i % 4,
                             first.u + i / 4, i % 4, first.ahead)
                       : r;
}
#endif

const bool TILE_STEADY = TILE_K % (kernel * kernel) == 0;
const bool TILE_B_LINEAR = false;

void row_jump(inout row r, uint k)
{
    if (TILE_STEADY) {
        r.a += TILE_K;
        r.ahead += TILE_K / (kernel * kernel) * p.h_in * p.w_in;
    } else {
        r = row_of(k);
    }
}

#include "lib/product.glsl"

void main()
{
    uint plane = p.h_out * p.w_out;
    uvec3 size = uvec3(p.c_out, p.n * plane, conv_sum_end() * kernel * kernel);
    uint tiles_m = (size.x + TILE_M - 1) / TILE_M;
    uint group = gl_WorkGroupID.y * p.groups_x + gl_WorkGroupID.x;
    uint m0 = group % tiles_m * TILE_M;
    uint n0 = group / tiles_m * TILE_N;
    if (n0 >= size.y)
        return;

    tile_multiply(m0, n0, size, conv_sum_first() * kernel * kernel);

#ifdef MATRIX
    TILE_FINISH(i, j, sum, uint n = n0 + j;
                uint at = p.y.offset + n / plane * p.y.stride + n % plane;
                uint at_z = p.z.offset + n / plane * p.z.stride + n % plane;
                , uint m = m0 + i;
                if (n < size.y && m < size.x)
                    conv_store(at + m * plane, at_z + m * plane, m, sum);)
#else
    uint starts[REG_N], starts_z[REG_N];
    bool stored[REG_N];
    [[unroll]] for (uint j = 0; j < REG_N; j++) {
        uint n = tile_n(n0, j);
        starts[j] = p.y.offset + n / plane * p.y.stride + n % plane;
        starts_z[j] = p.z.offset + n / plane * p.z.stride + n % plane;
        stored[j] = n < size.y;
    }
    TILE_FINISH(i, j, sum, uint m = tile_m(m0, i);
                if (stored[j] && m < size.x)
                    conv_store(starts[j] + m * plane, starts_z[j] + m * plane, m, sum);)
#endif
}
