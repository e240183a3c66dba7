// SPDX-License-Identifier: MIT
//
// A tile of an implicit matrix product C[m][n] = sum over k of A[m][k] B[k][n], where a
// kernel computes the elements of A and B from tensors. One workgroup computes TILE_M
// x TILE_N elements of C, one invocation REG_M x REG_N of them, in registers. Per step,
// TILE_K columns of A and rows of B are staged in shared memory; with DIRECT each
// invocation loads what it needs itself, which is better where shared memory is
// ordinary memory. The sum goes over k in rising order either way.
//
// The kernel defines before including this:
//     struct row, row row_of(uint k), void row_next(inout row r): a decoded k
//     struct column, column column_of(uint n): a decoded n
//     uint start_a(uint m): the index of A[m] if that of A[0] is 0
//     float load_a(uint start, row r), float load_b(row r, column c)
//     TILE_B_ALONG_K  1: neighbours in k are neighbours in memory, 0: those in n are
//
// The table (conv_variant.c) ensures: REG_M is a multiple of 4; without DIRECT, TILE_K and, but
// with TILE_B_ALONG_K, TILE_N divide the number of invocations.

layout(local_size_x_id = 0) in;
layout(constant_id = CONV_SPEC_TILE_M) const uint TILE_M = 64;
layout(constant_id = CONV_SPEC_TILE_N) const uint TILE_N = 64;
layout(constant_id = CONV_SPEC_TILE_K) const uint TILE_K = 16;
layout(constant_id = CONV_SPEC_REG_M) const uint REG_M = 8;
layout(constant_id = CONV_SPEC_REG_N) const uint REG_N = 4;
layout(constant_id = CONV_SPEC_DIRECT) const uint DIRECT = 0;

const uint THREADS_N = TILE_N / REG_N;
const uint THREADS = TILE_M / REG_M * THREADS_N;

// Rows of the staged tiles are padded against bank conflicts. A is read as vec4 by an
// invocation's REG_M neighbouring m, B in columns THREADS_N apart, so that neighbouring
// invocations read and finally write neighbouring n.
const uint A_STRIDE = TILE_M / 4 + 1;
const uint B_STRIDE = TILE_N + 1;
shared vec4 a_tile[DIRECT != 0 ? 1 : TILE_K * A_STRIDE];
shared float b_tile[DIRECT != 0 ? 1 : TILE_K * B_STRIDE];

float acc[REG_M][REG_N];

// The place in C of acc[i][j]; it may lie outside.
uint tile_m(uint m0, uint i)
{
    return m0 + gl_LocalInvocationID.x / THREADS_N * REG_M + i;
}

uint tile_n(uint n0, uint j)
{
    return n0 + gl_LocalInvocationID.x % THREADS_N + j * THREADS_N;
}

void tile_direct(uint m0, uint n0, uvec3 size, uint first)
{
    uint starts[REG_M];
    [[unroll]] for (uint i = 0; i < REG_M; i++)
        starts[i] = start_a(min(tile_m(m0, i), size.x - 1));
    column columns[REG_N];
    [[unroll]] for (uint j = 0; j < REG_N; j++)
        columns[j] = column_of(min(tile_n(n0, j), size.y - 1));

    row r = row_of(first);
    for (uint k = first; k < size.z; k++) {
        float a[REG_M];
        [[unroll]] for (uint i = 0; i < REG_M; i++)
            a[i] = load_a(starts[i], r);
        [[unroll]] for (uint j = 0; j < REG_N; j++) {
            float b = load_b(r, columns[j]);
            [[unroll]] for (uint i = 0; i < REG_M; i++)
                acc[i][j] += a[i] * b;
        }
        row_next(r);
    }
}

// Columns k0 .. k0 + TILE_K - 1 of A and rows of B; zeros beyond the end of the sum.
// Beyond the last m and n it repeats the last: what comes of it is not stored.
void tile_stage(uint m0, uint n0, uint k0, uvec3 size, column c)
{
    uint id = gl_LocalInvocationID.x;
    uint k = id % TILE_K;
    row r = row_of(min(k0 + k, size.z - 1));
    for (uint m = id / TILE_K; m < TILE_M; m += THREADS / TILE_K) {
        float a = load_a(start_a(min(m0 + m, size.x - 1)), r);
        a_tile[k * A_STRIDE + m / 4][m % 4] = k0 + k < size.z ? a : 0.0;
    }
#if TILE_B_ALONG_K
    for (uint n = id / TILE_K; n < TILE_N; n += THREADS / TILE_K) {
        float b = load_b(r, column_of(min(n0 + n, size.y - 1)));
        b_tile[k * B_STRIDE + n] = k0 + k < size.z ? b : 0.0;
    }
#else
    for (k = id / TILE_N; k < TILE_K; k += THREADS / TILE_N) {
        float b = load_b(row_of(min(k0 + k, size.z - 1)), c);
        b_tile[k * B_STRIDE + id % TILE_N] = k0 + k < size.z ? b : 0.0;
    }
#endif
}

void tile_staged(uint m0, uint n0, uvec3 size, uint first)
{
    uint id = gl_LocalInvocationID.x;
    column c = column_of(min(n0 + id % TILE_N, size.y - 1));
    for (uint k0 = first; k0 < size.z; k0 += TILE_K) {
        tile_stage(m0, n0, k0, size, c);
        barrier();
        for (uint k = 0; k < TILE_K; k++) {
            vec4 a[REG_M / 4];
            [[unroll]] for (uint i = 0; i < REG_M / 4; i++)
                a[i] = a_tile[k * A_STRIDE + id / THREADS_N * (REG_M / 4) + i];
            [[unroll]] for (uint j = 0; j < REG_N; j++) {
                float b = b_tile[k * B_STRIDE + id % THREADS_N + j * THREADS_N];
                [[unroll]] for (uint i = 0; i < REG_M; i++)
                    acc[i][j] += a[i / 4][i % 4] * b;
            }
        }
        barrier();
    }
}

// Fills acc with the tile at m0, n0, of the sum from `first` on. size is that of the
// product: m, n and the end of k.
void tile_multiply(uint m0, uint n0, uvec3 size, uint first)
{
    [[unroll]] for (uint i = 0; i < REG_M; i++)
        [[unroll]] for (uint j = 0; j < REG_N; j++)
            acc[i][j] = 0.0;
    if (first == size.z)
        return;
    if (DIRECT != 0)
        tile_direct(m0, n0, size, first);
    else
        tile_staged(m0, n0, size, first);
}
