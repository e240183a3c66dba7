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
//
// A whole kernel: conv_backward_input_tiled.comp and conv_backward_input_matrix.comp
// include it, the latter with MATRIX defined.

#define SCALER_BINDING 4
#define SCALER_MARKS

#include "lib/tensor.glsl"
#include "lib/tile_size.glsl"
#include "lib/operands.glsl"

layout(constant_id = CONV_SPEC_KERNEL) const uint kernel = 4;
layout(constant_id = CONV_SPEC_STRIDE) const uint stride = 2;
layout(constant_id = CONV_SPEC_PAD) const uint pad = 1;

layout(push_constant) uniform Push { conv_params p; };
OPERANDS(w, dy)

#define CONV_PARAMS p
#include "lib/conv_load.glsl"
#include "lib/conv_store.glsl"

// The phase holds rows and columns first, first + stride, ...; `extent` of them. Its
// taps are tap, tap + stride, ...; `taps` of them.
uvec2 first, extent, tap, taps;

#ifdef MATRIX
#define PHASE (conv_phase() + tile_zero)
#else
#define PHASE conv_phase()
#endif

void phase_init()
{
    first = uvec2(PHASE / stride, PHASE % stride);
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

float value_b(float v)
{
    return conv_load_y(v);
}

#ifdef MATRIX
const bool A_PLAIN = true;
const bool B_PLAIN = (load & ~CONV_LOAD_RELU) != CONV_LOAD_Y;

uint last_b()
{
    return p.y.offset + (p.n - 1) * p.y.stride + p.c_out * p.h_out * p.w_out - 1;
}

// Two channels of 2 x 2 taps, or two rows of 4 x 4.
row row_at(row first, row before, uint i)
{
    row r = before;
    row_next(r);
    if (kernel % stride == 0 && kernel / stride == 2) {
        uint u = i / 2 % 2, v = i % 2, c = i / 4;
        r = row(first.a + ((c * p.c_in * kernel + u * stride) * kernel + v * stride),
                first.b + (c * p.h_out - u) * p.w_out - v, u, v, first.ahead);
    } else if (kernel % stride == 0 && kernel / stride == 4) {
        uint u = i / 4, v = i % 4;
        r = row(first.a + (u * kernel + v) * stride, first.b - u * p.w_out - v,
                first.u + u, v, first.ahead);
    }
    return r;
}
#endif

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

#include "lib/product.glsl"

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

#ifdef MATRIX
    phase_init();
    TILE_FINISH(i, j, sum, uint n = min(n0 + j, size.y - 1);
                uvec2 to = first + stride * uvec2(n % plane / extent.y, n % extent.y);
                uint place = to.x * p.w_in + to.y;
                uint at = p.x.offset + n / plane * p.x.stride + place;
                uint at_z = p.z.offset + n / plane * p.z.stride + place;
                , uint m = m0 + i; uint channel = m * p.h_in * p.w_in;
                if (n0 + j < size.y && m < size.x)
                    conv_store(at + channel, at_z + channel, m, sum);)
#else
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
#endif
}
