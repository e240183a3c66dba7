// SPDX-License-Identifier: MIT
//
// A tile of an implicit matrix product on matrix units (VK_KHR_cooperative_matrix): the
// product of lib/tile.glsl, with the same functions of the kernel before it. Operands
// are numbers of f16, or of bf16 with PIX_BF16, rounded as they are staged, sums are
// floats. A workgroup computes TILE_M x TILE_N elements of C, a subgroup REG_M x REG_N of
// them, in parts of UNIT_M x UNIT_N; its matrix units take UNIT_K terms at a time.
//
// The kernel also defines:
//     A_FORMAT, B_FORMAT: how the operands are stored
//     A_PLAIN, B_PLAIN: value_a and value_b change nothing
//     uint bits_a(uint index), bits_b(uint index): the bits of an element
//     uvec4 eight_a(uint index): of elements index to index + 7, of 16 bits
//     uint last_b(): the last index of an element of B
//     row row_at(row first, row before, uint i): the i-th row of a run that begins at the
//         multiple of RUN `first`, the one before it is `before`
//
// The table (ops/conv_variant.c) ensures that TILE_K is a multiple of RUN and of UNIT_K,
// that REG_M and REG_N are multiples of UNIT_M and UNIT_N, and these of 8, and that
// TILE_K / RUN divides the number of invocations.

#ifdef PIX_BF16
#define UNIT_NUMBER bfloat16_t
#define UNIT_FORMAT FORMAT_BF16
#define UNIT_PAIR(low, high) pair_bf16(vec2(low, high))

// The bits of two numbers of bf16, as number_to_16 rounds (lib/tensor.glsl). What ReLU
// leaves needs no rounding.
uint pair_bf16(vec2 v)
{
    uvec2 bits = floatBitsToUint(v);
    if ((load & CONV_LOAD_RELU) != 0)
        return bits.x >> 16 | bits.y;
    uvec2 rounded = bits + 0x7fff + (bits >> 16 & 1);
    bvec2 is_nan = greaterThan(bits & 0x7fffffff, uvec2(0x7f800000));
    uvec2 high = mix(rounded, bits | 0x400000, is_nan);
    return high.x >> 16 | high.y & 0xffff0000;
}
#else
#define UNIT_NUMBER float16_t
#define UNIT_FORMAT FORMAT_F16
#define UNIT_PAIR(low, high) packFloat2x16(f16vec2(low, high))
#endif

layout(constant_id = CONV_SPEC_SUBGROUP) const uint LANES = 32;    // of a subgroup
layout(constant_id = CONV_SPEC_UNIT_M) const uint UNIT_M = 16;
layout(constant_id = CONV_SPEC_UNIT_N) const uint UNIT_N = 16;
layout(constant_id = CONV_SPEC_UNIT_K) const uint UNIT_K = 16;

// An invocation stages RUN neighbours in k of a column of B, and of a row of A: 16 bytes
// of shared memory. Rows and columns there are padded by as much against bank conflicts.
const uint RUN = 8;
const uint RUNS = TILE_K / RUN;
const uint STAGED = RUNS + 1;
const uint SUBGROUPS_N = TILE_N / REG_N;
const uint SUBGROUPS = TILE_M / REG_M * SUBGROUPS_N;
const uint STAGERS = SUBGROUPS * LANES / RUNS;    // invocations for each run
const uint A_GROUPS = (TILE_M + STAGERS - 1) / STAGERS;
const uint B_GROUPS = (TILE_N + STAGERS - 1) / STAGERS;

// Results go through shared memory, so that neighbours are stored together: of each
// subgroup UNIT_M rows at a time, padded as well.
const uint PARTS_M = REG_M / UNIT_M;
const uint PARTS_N = REG_N / UNIT_N;
const uint RESULT_STRIDE = REG_N / 4 + 1;
const uint RESULT = UNIT_M * RESULT_STRIDE;

const uint OPERANDS_SIZE = (TILE_M + TILE_N) * STAGED;
const uint RESULTS_SIZE = SUBGROUPS * RESULT;
shared uvec4 staged[OPERANDS_SIZE > RESULTS_SIZE ? OPERANDS_SIZE : RESULTS_SIZE];

coopmat<float, gl_ScopeSubgroup, UNIT_M, UNIT_N, gl_MatrixUseAccumulator>
    sums[PARTS_M * PARTS_N];

uint a_start[A_GROUPS];
column b_column[B_GROUPS];
uint a_index[RUN], b_index[RUN];    // of the rows of a run, less that of the first
uint b_mask[B_GROUPS];    // of a run: bits of the elements that B has, see mask_of
uint a_next[A_GROUPS * RUN], b_next[B_GROUPS * RUN];

// Which of A's runs and rows the invocation stages, and which of B's runs and columns:
// those with neighbouring memory next to each other.
uint a_run, a_lane, b_run, b_lane;

// Beyond the last m and n it repeats the last; those results are not stored.
void stage_begin(uint m0, uint n0, uvec3 size)
{
    uint i = gl_LocalInvocationID.x;
    b_run = i / STAGERS;
    b_lane = i % STAGERS;
    a_run = RUNS_A != 0 ? i % RUNS : b_run;
    a_lane = RUNS_A != 0 ? i / RUNS : b_lane;
    [[unroll]] for (uint g = 0; g < A_GROUPS; g++)
        a_start[g] = min(m0 + a_lane + g * STAGERS, size.x - 1) * stride_a();
    [[unroll]] for (uint g = 0; g < B_GROUPS; g++)
        b_column[g] = column_of(min(n0 + b_lane + g * STAGERS, size.y - 1));
}

// How many of a run's elements from k on are in the sum.
uint live_of(uint k, uint end)
{
    return k < end ? min(end - k, RUN) : 0;
}

// The bit of the i-th element of a run: those of a pair lie 16 apart.
uint mask_bit(uint i)
{
    return 1u << i / 2 + i % 2 * 16;
}

// Ones for each element of the i-th pair of a run that `mask` has.
uint mask_of(uint mask, uint i)
{
    uint pair = mask >> i & 0x10001;
    return (pair << 16) - pair;
}

// The places of the elements of a run, `live` of which are in the sum.
void stage_locate(row first, uint live)
{
    row r = first;
    [[unroll]] for (uint g = 0; g < B_GROUPS; g++)
        b_mask[g] = 0;
    [[unroll]] for (uint i = 0; i < RUN; i++) {
        if (i > 0)
            r = row_at(first, r, i);
        a_index[i] = r.a - first.a;
        b_index[i] = r.b - first.b;
        [[unroll]] for (uint g = 0; g < B_GROUPS; g++)
            b_mask[g] |= i < live && inside_b(r, b_column[g], 0) ? mask_bit(i) : 0;
    }
}

// The same of a later run, where B has what it had before.
void stage_shorten(uint live)
{
    uint mask = 0;
    [[unroll]] for (uint i = 0; i < RUN; i++)
        mask |= i < live ? mask_bit(i) : 0;
    [[unroll]] for (uint g = 0; g < B_GROUPS; g++)
        b_mask[g] &= mask;
}

// Loads without waiting. Where there is no element, which b_mask says, any other one is
// loaded: what lies before the first wraps to large indices.
void stage_load_b(row b)
{
    [[unroll]] for (uint g = 0; g < B_GROUPS; g++) {
        uint at = index_b(b, b_column[g]) + b.ahead;
        [[unroll]] for (uint i = 0; i < RUN; i++)
            b_next[g * RUN + i] = bits_b(min(at + b_index[i], last_b()));
    }
}

void stage_load(row a, row b)
{
    [[unroll]] for (uint g = 0; g < A_GROUPS; g++) {
        if (RUNS_A != 0) {
            uvec4 eight = eight_a(a_start[g] + a.a);
            [[unroll]] for (uint i = 0; i < 4; i++)
                a_next[g * RUN + i] = eight[i];
        } else {
            [[unroll]] for (uint i = 0; i < RUN; i++)
                a_next[g * RUN + i] = bits_a(a_start[g] + a_index[i] + a.a);
        }
    }
    stage_load_b(b);
}

// The same of runs that may reach beyond the end of the sum, where A has zeros. With
// RUNS_A it has all of a run or nothing.
void stage_load_last(row a, row b, uint live)
{
    [[unroll]] for (uint g = 0; g < A_GROUPS; g++) {
        if (RUNS_A != 0) {
            uvec4 eight = eight_a(live > 0 ? a_start[g] + a.a : 0);
            [[unroll]] for (uint i = 0; i < 4; i++)
                a_next[g * RUN + i] = live > 0 ? eight[i] : 0;
        } else {
            [[unroll]] for (uint i = 0; i < RUN; i++) {
                uint bits = bits_a(i < live ? a_start[g] + a_index[i] + a.a : 0);
                a_next[g * RUN + i] = i < live ? bits : 0;
            }
        }
    }
    stage_load_b(b);
}

uint pair_a(uint low, uint high)
{
    return A_FORMAT == UNIT_FORMAT && A_PLAIN
               ? low | high << 16
               : UNIT_PAIR(value_a(number_from(low, A_FORMAT)),
                           value_a(number_from(high, A_FORMAT)));
}

uint pair_b(uint low, uint high)
{
    return B_FORMAT == UNIT_FORMAT && B_PLAIN
               ? low | high << 16
               : UNIT_PAIR(value_b(number_from(low, B_FORMAT)),
                           value_b(number_from(high, B_FORMAT)));
}

// Zeros where B has no element.
void stage_store()
{
    [[unroll]] for (uint g = 0; g < A_GROUPS; g++) {
        uvec4 a;
        [[unroll]] for (uint i = 0; i < 4; i++) {
            uint at = g * RUN + (RUNS_A != 0 ? i : 2 * i);
            uint low = a_next[at], high = a_next[at + 1];
            if (RUNS_A != 0) {
                high = low >> 16;
                low &= 0xffff;
            }
            a[i] = pair_a(low, high);
        }
        if (TILE_M % STAGERS == 0 || a_lane + g * STAGERS < TILE_M)
            staged[(a_lane + g * STAGERS) * STAGED + a_run] = a;
    }
    [[unroll]] for (uint g = 0; g < B_GROUPS; g++) {
        uvec4 b;
        [[unroll]] for (uint i = 0; i < 4; i++) {
            uint at = g * RUN + 2 * i;
            b[i] = pair_b(b_next[at], b_next[at + 1]) & mask_of(b_mask[g], i);
        }
        if (TILE_N % STAGERS == 0 || b_lane + g * STAGERS < TILE_N)
            staged[(TILE_M + b_lane + g * STAGERS) * STAGED + b_run] = b;
    }
}

// The subgroup's part of the tile.
uint part_m()
{
    return gl_SubgroupID / SUBGROUPS_N * REG_M;
}

uint part_n()
{
    return gl_SubgroupID % SUBGROUPS_N * REG_N;
}

void stage_multiply_unit(uint k)
{
    uint m = part_m() * STAGED, n = (TILE_M + part_n()) * STAGED;
    coopmat<UNIT_NUMBER, gl_ScopeSubgroup, UNIT_K, UNIT_N, gl_MatrixUseB> b[PARTS_N];
    [[unroll]] for (uint j = 0; j < PARTS_N; j++)
        coopMatLoad(b[j], staged, n + j * UNIT_N * STAGED + k / RUN, STAGED,
                    gl_CooperativeMatrixLayoutColumnMajor);
    [[unroll]] for (uint i = 0; i < PARTS_M; i++) {
        coopmat<UNIT_NUMBER, gl_ScopeSubgroup, UNIT_M, UNIT_K, gl_MatrixUseA> a;
        coopMatLoad(a, staged, m + i * UNIT_M * STAGED + k / RUN, STAGED,
                    gl_CooperativeMatrixLayoutRowMajor);
        [[unroll]] for (uint j = 0; j < PARTS_N; j++)
            sums[i * PARTS_N + j] = coopMatMulAdd(a, b[j], sums[i * PARTS_N + j]);
    }
}

// Small matrices are those of a software driver, which takes long to compile them.
void stage_multiply()
{
    if (UNIT_K < 16) {
        [[dont_unroll]] for (uint k = 0; k < TILE_K; k += UNIT_K)
            stage_multiply_unit(k);
    } else {
        [[unroll]] for (uint k = 0; k < TILE_K; k += UNIT_K)
            stage_multiply_unit(k);
    }
}

// The places and the elements of the step that begins at k, which is not the first.
void stage_next(inout row a, inout row b, uint k, uint end)
{
    row_jump(b, k + b_run * RUN);
    if (RUNS_A != 0)
        row_jump(a, k + a_run * RUN);
    if (k + TILE_K <= end) {
        if (!TILE_STEADY)
            stage_locate(b, RUN);
        stage_load(RUNS_A != 0 ? a : b, b);
    } else {
        if (TILE_STEADY)
            stage_shorten(live_of(k + b_run * RUN, end));
        else
            stage_locate(b, live_of(k + b_run * RUN, end));
        stage_load_last(RUNS_A != 0 ? a : b, b, live_of(k + a_run * RUN, end));
    }
}

// Fills `sums` with the tile at m0, n0, of the sum from `first` on. size is that of the
// product: m, n and the end of k. While a step is multiplied the next one is loaded.
void tile_multiply(uint m0, uint n0, uvec3 size, uint first)
{
    [[unroll]] for (uint i = 0; i < PARTS_M * PARTS_N; i++)
        sums[i] =
            coopmat<float, gl_ScopeSubgroup, UNIT_M, UNIT_N, gl_MatrixUseAccumulator>(0.0);
    stage_begin(m0, n0, size);
    row a = row_of(first + a_run * RUN), b = row_of(first + b_run * RUN);
    stage_locate(b, live_of(first + b_run * RUN, size.z));
    stage_load_last(RUNS_A != 0 ? a : b, b, live_of(first + a_run * RUN, size.z));
    for (uint k = first; k < size.z; k += TILE_K) {
        barrier();
        stage_store();
        barrier();
        if (k + TILE_K < size.z)
            stage_next(a, b, k + TILE_K, size.z);
        stage_multiply();
    }
}

// Does `body` for every sum of the tile, where m and n are its place in the tile, after
// `before` for every n. Registers cannot be indexed, so that the first rows of `sums` are
// stored and the others move up: an unrolled loop would have as many copies of `body`.
#define TILE_FINISH(m, n, sum, before, body)                                             \
    [[dont_unroll]] for (uint part = 0; part < PARTS_M; part++) {                        \
        const uint result = gl_SubgroupID * RESULT;                                      \
        const uint rows = LANES > REG_N ? LANES / REG_N : 1;                             \
        barrier();                                                                       \
        [[unroll]] for (uint j = 0; j < PARTS_N; j++)                                    \
            coopMatStore(sums[j], staged, result + j * UNIT_N / 4, RESULT_STRIDE,        \
                         gl_CooperativeMatrixLayoutRowMajor);                            \
        [[unroll]] for (uint j = PARTS_N; j < PARTS_M * PARTS_N; j++)                    \
            sums[j - PARTS_N] = sums[j];                                                 \
        barrier();                                                                       \
        [[dont_unroll]] for (uint column = gl_SubgroupInvocationID % REG_N;              \
                             column < REG_N; column += LANES) {                          \
            uint n = part_n() + column;                                                  \
            before                                                                       \
            for (uint line = gl_SubgroupInvocationID / REG_N; line < UNIT_M;             \
                 line += rows) {                                                         \
                uint m = part_m() + part * UNIT_M + line;                                \
                float sum = uintBitsToFloat(                                             \
                    staged[result + line * RESULT_STRIDE + column / 4][column % 4]);     \
                body                                                                     \
            }                                                                            \
        }                                                                                \
    }
