// SPDX-License-Identifier: MIT
//
// A tile of an implicit matrix product C[m][n] = sum over k of A[m][k] B[k][n], where a
// kernel computes the elements of A and B from tensors. One workgroup computes TILE_M
// x TILE_N elements of C, one invocation REG_M x REG_N of them, in registers. Per step,
// TILE_K columns of A and rows of B are staged in shared memory; with DIRECT each
// invocation loads what it needs itself, which is better where shared memory is
// ordinary memory. The sum goes over k in rising order either way.
//
// The kernel includes lib/tile_size.glsl and defines before including this:
//     struct row, row row_of(uint k), void row_next(inout row r): a decoded k, with
//         row.a, the index of A[0][k], and row.b, that of B[k][n] less what n adds
//     struct column, column column_of(uint n): a decoded n
//     uint stride_a(): how far the index of A[m + 1][k] is from that of A[m][k]
//     uint index_b(row r, column c): the index of an element of B
//     bool inside_b(row r, column c, uint j): whether the j-th after it is one
//     float load_a(uint index), load_b(uint index): the element at an index
//     float value_a(float v), value_b(float v): what is multiplied for an element v
//     TILE_B_LINEAR: whether from every n that 4 divides four elements of B are
//         neighbours of one column, which inside_b gets with j = 0 to 3; else j is 0
//     void row_jump(inout row r, uint k): from k - TILE_K to k
//     TILE_STEADY: whether inside_b gives the same for a row and the row TILE_K further
//         down; row_jump then leaves row.b unchanged and adds the distance to row.ahead
//
// The table (ops/conv_variant.c) ensures: without DIRECT, TILE_M, TILE_N and REG_M are multiples of
// 4, REG_N is too or less than 4, TILE_K divides the number of invocations, and unless
// RAGGED m is a multiple of 4 and either operand has as many elements.

const uint THREADS_N = TILE_N / REG_N;
const uint THREADS = TILE_M / REG_M * THREADS_N;

// Rows of the staged tiles are padded against bank conflicts. They are written and read
// as vec4: by an invocation that computes 8 x 8, two of neighbouring m, and two of
// neighbouring n that lie half a tile apart, so that neighbouring invocations read
// neighbouring vec4.
const uint A_STRIDE = TILE_M / 4 + 1;
const uint B_STRIDE = TILE_N / 4 + 1;
shared vec4 a_tile[DIRECT != 0 ? 1 : TILE_K * A_STRIDE];
shared vec4 b_tile[DIRECT != 0 ? 1 : TILE_K * B_STRIDE];

float acc[REG_M][REG_N];

// The place in C of acc[i][j]; it may lie outside.
uint tile_m(uint m0, uint i)
{
    return m0 + gl_LocalInvocationID.x / THREADS_N * REG_M + i;
}

uint tile_n(uint n0, uint j)
{
    uint at = gl_LocalInvocationID.x % THREADS_N;
    return n0 + (REG_N % 4 == 0 && DIRECT == 0
                     ? (at + j / 4 * THREADS_N) * 4 + j % 4
                     : at + j * THREADS_N);
}

void tile_direct(uint m0, uint n0, uvec3 size, uint first)
{
    uint starts[REG_M];
    [[unroll]] for (uint i = 0; i < REG_M; i++)
        starts[i] = min(tile_m(m0, i), size.x - 1) * stride_a();
    column columns[REG_N];
    [[unroll]] for (uint j = 0; j < REG_N; j++)
        columns[j] = column_of(min(tile_n(n0, j), size.y - 1));

    row r = row_of(first);
    for (uint k = first; k < size.z; k++) {
        float a[REG_M];
        [[unroll]] for (uint i = 0; i < REG_M; i++)
            a[i] = value_a(load_a(starts[i] + r.a));
        [[unroll]] for (uint j = 0; j < REG_N; j++) {
            bool inside = inside_b(r, columns[j], 0);
            float b = load_b(inside ? index_b(r, columns[j]) : 0);
            b = inside ? value_b(b) : 0.0;
            [[unroll]] for (uint i = 0; i < REG_M; i++)
                acc[i][j] += a[i] * b;
        }
        row_next(r);
    }
}

// Of the staged tiles an invocation loads groups of four neighbouring m or n, all at
// the same k of the step.
const uint LANES = THREADS / TILE_K;
const uint A_GROUPS = (TILE_M / 4 + LANES - 1) / LANES;
const uint B_GROUPS = ((TILE_N + 3) / 4 + LANES - 1) / LANES;
const uint A_STARTS = RAGGED != 0 ? 4 : 1;    // for a group
const uint B_COLUMNS = TILE_B_LINEAR ? 1 : 4;

uint a_start[A_GROUPS * A_STARTS];
column b_column[B_GROUPS * B_COLUMNS];
uint b_index[B_GROUPS * B_COLUMNS];
bool b_inside[B_GROUPS * 4];
vec4 a_next[A_GROUPS], b_next[B_GROUPS];

// Beyond the last m and n it repeats the last; those results are not stored.
void stage_begin(uint m0, uint n0, uvec3 size, uint lane)
{
    [[unroll]] for (uint g = 0; g < A_GROUPS; g++) {
        uint m = m0 + 4 * (lane + g * LANES);
        [[unroll]] for (uint i = 0; i < A_STARTS; i++)
            a_start[g * A_STARTS + i] =
                min(m + i, size.x - 4 / A_STARTS) * stride_a();
    }
    [[unroll]] for (uint g = 0; g < B_GROUPS; g++) {
        uint n = n0 + 4 * (lane + g * LANES);
        [[unroll]] for (uint i = 0; i < B_COLUMNS; i++)
            b_column[g * B_COLUMNS + i] = column_of(min(n + i, size.y - 4 / B_COLUMNS));
    }
}

// The places of B's elements. Where there is none it is the first of all; if that lasts
// (TILE_STEADY) it is settled here.
void stage_locate(row r)
{
    [[unroll]] for (uint g = 0; g < B_GROUPS; g++) {
        [[unroll]] for (uint i = 0; i < B_COLUMNS; i++)
            b_index[g * B_COLUMNS + i] = index_b(r, b_column[g * B_COLUMNS + i]);
        [[unroll]] for (uint i = 0; i < 4; i++) {
            b_inside[g * 4 + i] = inside_b(r, b_column[g * B_COLUMNS + i % B_COLUMNS],
                                           i / B_COLUMNS);
            if (TILE_STEADY)
                b_index[g * 4 + i] = b_inside[g * 4 + i] ? b_index[g * 4 + i] : 0;
        }
    }
}

// Loads without waiting. Not `live` is a row beyond the end of the sum.
void stage_load(row r, bool live)
{
    [[unroll]] for (uint g = 0; g < A_GROUPS; g++)
        [[unroll]] for (uint i = 0; i < 4; i++) {
            uint at = a_start[g * A_STARTS + i % A_STARTS] + r.a +
                      i / A_STARTS * stride_a();
            a_next[g][i] = load_a(live ? at : 0);
        }
    [[unroll]] for (uint g = 0; g < B_GROUPS; g++)
        [[unroll]] for (uint i = 0; i < 4; i++) {
            uint at = b_index[g * B_COLUMNS + i % B_COLUMNS];
            if (TILE_STEADY)
                at += r.ahead;
            bool there = live && (TILE_STEADY || b_inside[g * 4 + i]);
            b_next[g][i] = load_b((there ? at : 0) + i / B_COLUMNS);
        }
}

// Zeros where B has no element, and in rows beyond the end of the sum.
void stage_store(uint k, uint lane, bool live)
{
    [[unroll]] for (uint g = 0; g < A_GROUPS; g++) {
        vec4 a;
        [[unroll]] for (uint i = 0; i < 4; i++)
            a[i] = value_a(a_next[g][i]);
        if (TILE_M / 4 % LANES == 0 || lane + g * LANES < TILE_M / 4)
            a_tile[k * A_STRIDE + lane + g * LANES] = a;
    }
    [[unroll]] for (uint g = 0; g < B_GROUPS; g++) {
        vec4 b;
        [[unroll]] for (uint i = 0; i < 4; i++) {
            b[i] = value_b(b_next[g][i]);
            b[i] = live && b_inside[g * 4 + i] ? b[i] : 0.0;
        }
        if (TILE_N / 4 % LANES == 0 || lane + g * LANES < TILE_N / 4)
            b_tile[k * B_STRIDE + lane + g * LANES] = b;
    }
}

// An invocation's part of row k of the staged tiles, in fours but for the last of B.
// The next row's parts are read when those of this one have done their last product,
// and not together: few registers, and something to multiply while they are under way.
const uint A_PARTS = REG_M / 4;
const uint B_PARTS = (REG_N + 3) / 4;
const uint B_WIDTH = REG_N / B_PARTS;
vec4 a_part[A_PARTS], b_part[B_PARTS];

vec4 read_a(uint k, uint part)
{
    uint at = gl_LocalInvocationID.x / THREADS_N * A_PARTS + part;
    return a_tile[k * A_STRIDE + at];
}

vec4 read_b(uint k, uint part)
{
    uint at = gl_LocalInvocationID.x % THREADS_N;
    if (B_WIDTH == 4)
        return b_tile[k * B_STRIDE + at + part * THREADS_N];
    vec4 b = vec4(0.0);
    [[unroll]] for (uint j = 0; j < B_WIDTH; j++) {
        uint n = at + j * THREADS_N;
        b[j] = b_tile[k * B_STRIDE + n / 4][n % 4];
    }
    return b;
}

void stage_read(uint k)
{
    [[unroll]] for (uint i = 0; i < A_PARTS; i++)
        a_part[i] = read_a(k, i);
    [[unroll]] for (uint j = 0; j < B_PARTS; j++)
        b_part[j] = read_b(k, j);
}

void stage_multiply(uint next, bool read)
{
    [[unroll]] for (uint i = 0; i < A_PARTS; i++)
        [[unroll]] for (uint j = 0; j < B_PARTS; j++) {
            vec4 a = a_part[i], b = b_part[j];
            [[unroll]] for (uint v = 0; v < B_WIDTH; v++)
                [[unroll]] for (uint u = 0; u < 4; u++)
                    acc[i * 4 + u][j * 4 + v] += a[u] * b[v];
            if (read && j + 1 == B_PARTS)
                a_part[i] = read_a(next, i);
            if (read && i + 1 == A_PARTS)
                b_part[j] = read_b(next, j);
        }
}

// While a step is multiplied the next one is loaded; while the last is, it is loaded
// again, which costs less than a branch around the loads. The remainder, less than a
// step, follows separately.
void tile_staged(uint m0, uint n0, uvec3 size, uint first)
{
    uint k = gl_LocalInvocationID.x % TILE_K;
    uint lane = gl_LocalInvocationID.x / TILE_K;
    uint steps = (size.z - first) / TILE_K;
    row r = row_of(first + k);
    stage_begin(m0, n0, size, lane);
    stage_locate(r);
    if (steps > 0) {
        stage_load(r, true);
        stage_store(k, lane, true);
        barrier();
    }
    for (uint step = 1; step <= steps; step++) {
        if (step < steps)
            row_jump(r, first + step * TILE_K + k);
        if (!TILE_STEADY)
            stage_locate(r);
        stage_load(r, true);
        stage_read(0);
        [[unroll]] for (uint i = 1; i <= TILE_K; i++)
            stage_multiply(i, i < TILE_K);
        barrier();
        stage_store(k, lane, true);
        barrier();
    }

    uint end = first + steps * TILE_K;
    if (end == size.z)
        return;
    if (steps > 0)
        row_jump(r, end + k);
    if (!TILE_STEADY)
        stage_locate(r);
    stage_load(r, end + k < size.z);
    stage_store(k, lane, end + k < size.z);
    barrier();
    [[dont_unroll]] for (uint i = 0; i < size.z - end; i++) {
        stage_read(i);
        stage_multiply(0, false);
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

// Does `body` for every sum of the tile: i and j are its place among those of the
// invocation. Direct tiles do it in a loop that is not unrolled, and since registers
// cannot be indexed a row is picked by comparing: lavapipe 22.3 took 15 s to compile 256
// stores with Adam's update in each.
#define TILE_FINISH(i, j, sum, body)                                                     \
    if (DIRECT != 0) {                                                                   \
        for (uint i = 0; i < REG_M; i++) {                                               \
            float row_sums[REG_N];                                                       \
            [[unroll]] for (uint k = 0; k < REG_M; k++)                                  \
                [[unroll]] for (uint l = 0; l < REG_N; l++)                              \
                    row_sums[l] = k == i ? acc[k][l] : row_sums[l];                      \
            [[unroll]] for (uint j = 0; j < REG_N; j++) {                                \
                float sum = row_sums[j];                                                 \
                body                                                                     \
            }                                                                            \
        }                                                                                \
    } else {                                                                             \
        [[unroll]] for (uint j = 0; j < REG_N; j++)                                      \
            [[unroll]] for (uint i = 0; i < REG_M; i++) {                                \
                float sum = acc[i][j];                                                   \
                body                                                                     \
            }                                                                            \
    }
