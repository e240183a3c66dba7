// SPDX-License-Identifier: MIT
//
// A tile of an implicit matrix product on matrix units (VK_KHR_cooperative_matrix): the
// product of lib/tile.glsl, with the same functions of the kernel before it. Operands
// are numbers of f16, or of bf16 with PIX_BF16, rounded as they are staged, sums are
// floats. A workgroup computes TILE_M x TILE_N elements of C, a subgroup REG_M x REG_N of
// them, in parts of UNIT_M x UNIT_N; its matrix units take UNIT_K terms at a time.
//
// The kernel also defines:
//     A_PLAIN, B_PLAIN: value_a and value_b change nothing
//     float16_t number_a(uint index), number_b(uint index): the bits of an element
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

const uint PARKED = (TILE_M + TILE_N) * STAGED;    // the place of what is kept there
const uint OPERANDS_SIZE = PARKED + (PACKED != 0 ? 1 : 0);
const uint RESULTS_SIZE = SUBGROUPS * RESULT;
shared uvec4 staged[OPERANDS_SIZE > RESULTS_SIZE ? OPERANDS_SIZE : RESULTS_SIZE];

// As barrier(), which leaves it to each load and store of shared memory to make numbers
// visible to others. tools/compile_matrix.sh takes that from them: Intel's driver of Mesa
// makes it a fence each, across which nothing is moved.
void tile_barrier()
{
    controlBarrier(gl_ScopeWorkgroup, gl_ScopeWorkgroup, gl_StorageSemanticsShared,
                   gl_SemanticsAcquireRelease | gl_SemanticsMakeAvailable |
                       gl_SemanticsMakeVisible);
}

coopmat<float, gl_ScopeSubgroup, UNIT_M, UNIT_N, gl_MatrixUseAccumulator>
    sums[PARTS_M * PARTS_N];

uint a_start[A_GROUPS];    // of the row that an invocation stages; if TILE_STEADY of the run
column b_column[B_GROUPS];
uint b_start[B_GROUPS];    // of the run, if TILE_STEADY
uint a_index[RUN], b_index[RUN];    // of the rows of a run, less that of the first
uint b_mask[B_GROUPS];    // of a run: bits of the elements that B has, see mask_of

// Runs that are on their way, in registers: as they are loaded, or packed, which waits for
// them. Runs of A are packed in memory with RUNS_A.
float16_t a_next[A_GROUPS * RUN], b_next[B_GROUPS * RUN];
uvec4 a_eight[A_GROUPS], b_eight[B_GROUPS];

// Which of A's runs and rows the invocation stages, and which of B's runs and columns:
// those with neighbouring memory next to each other, where A's runs may be others.
const uint OWN_A = PACKED == 0 ? RUNS_A : 0;
uint a_run, a_lane, b_run, b_lane;

// Beyond the last m and n it repeats the last; those results are not stored.
void stage_begin(uint m0, uint n0, uvec3 size)
{
    uint i = gl_LocalInvocationID.x;
    b_run = i / STAGERS;
    b_lane = i % STAGERS;
    a_run = OWN_A != 0 ? i % RUNS : b_run;
    a_lane = OWN_A != 0 ? i / RUNS : b_lane;
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

// From here on the runs of a steady sum are so far from those of the step before, and
// nothing else about them changes.
void stage_settle(row a, row b)
{
    [[unroll]] for (uint g = 0; g < A_GROUPS; g++)
        a_start[g] += a.a;
    [[unroll]] for (uint g = 0; g < B_GROUPS; g++)
        b_start[g] = index_b(b, b_column[g]);
}

void stage_advance(uint k)
{
    row step = row(0, 0, 0, 0, 0);
    row_jump(step, k);
    [[unroll]] for (uint g = 0; g < A_GROUPS; g++)
        a_start[g] += step.a;
    [[unroll]] for (uint g = 0; g < B_GROUPS; g++)
        b_start[g] += step.ahead;
}

uint run_of_a(row a, uint g)
{
    return TILE_STEADY ? a_start[g] : a_start[g] + a.a;
}

uint pair_of_a(uint g, uint i)
{
    uint at = g * RUN + 2 * i;
    return packFloat2x16(f16vec2(a_next[at], a_next[at + 1]));
}

uint pair_of_b(uint g, uint i)
{
    uint at = g * RUN + 2 * i;
    return packFloat2x16(f16vec2(b_next[at], b_next[at + 1]));
}

void pack_a(uint g)
{
    [[unroll]] for (uint i = 0; i < 4 && PACKED != 0 && RUNS_A == 0; i++)
        a_eight[g][i] = pair_of_a(g, i);
}

// The place of the i-th element of a run of B, or of any other one where B has none: what
// lies before the first wraps to large indices.
uint place_of_b(uint g, uint i, uint at)
{
    return PACKED == 0 ? min(at, last_b()) : (b_mask[g] & mask_bit(i)) != 0 ? at : 0;
}

// Loads without waiting.
void stage_load_b(row b)
{
    [[unroll]] for (uint g = 0; g < B_GROUPS; g++) {
        uint at = TILE_STEADY ? b_start[g] : index_b(b, b_column[g]);
        [[unroll]] for (uint i = 0; i < RUN; i++)
            b_next[g * RUN + i] = number_b(place_of_b(g, i, at + b_index[i]));
        [[unroll]] for (uint i = 0; i < 4 && PACKED != 0; i++)
            b_eight[g][i] = pair_of_b(g, i);
    }
}

void stage_load(row a, row b)
{
    [[unroll]] for (uint g = 0; g < A_GROUPS; g++) {
        if (RUNS_A != 0)
            a_eight[g] = eight_a(run_of_a(a, g));
        else
            [[unroll]] for (uint i = 0; i < RUN; i++)
                a_next[g * RUN + i] = number_a(run_of_a(a, g) + a_index[i]);
        pack_a(g);
    }
    stage_load_b(b);
}

// The same of runs that may reach beyond the end of the sum, where A has zeros. With
// RUNS_A it has all of a run or nothing.
void stage_load_last(row a, row b, uint live)
{
    [[unroll]] for (uint g = 0; g < A_GROUPS; g++) {
        if (RUNS_A != 0) {
            uvec4 eight = eight_a(live > 0 ? run_of_a(a, g) : 0);
            a_eight[g] = live > 0 ? eight : uvec4(0);
        } else {
            [[unroll]] for (uint i = 0; i < RUN; i++) {
                float16_t v = number_a(i < live ? run_of_a(a, g) + a_index[i] : 0);
                a_next[g * RUN + i] = i < live ? v : float16_t(0.0);
            }
        }
        pack_a(g);
    }
    stage_load_b(b);
}

// What is multiplied for a pair of elements.
uint pair_a(uint pair)
{
    return A_PLAIN ? pair
                   : UNIT_PAIR(value_a(number_from(pair & 0xffff, UNIT_FORMAT)),
                               value_a(number_from(pair >> 16, UNIT_FORMAT)));
}

uint pair_b(uint pair)
{
    return B_PLAIN ? pair
                   : UNIT_PAIR(value_b(number_from(pair & 0xffff, UNIT_FORMAT)),
                               value_b(number_from(pair >> 16, UNIT_FORMAT)));
}

// Zeros where B has no element.
void stage_store()
{
    [[unroll]] for (uint g = 0; g < A_GROUPS; g++) {
        uvec4 a;
        [[unroll]] for (uint i = 0; i < 4; i++)
            a[i] = pair_a(RUNS_A + PACKED != 0 ? a_eight[g][i] : pair_of_a(g, i));
        if (TILE_M % STAGERS == 0 || a_lane + g * STAGERS < TILE_M)
            staged[(a_lane + g * STAGERS) * STAGED + a_run] = a;
    }
    [[unroll]] for (uint g = 0; g < B_GROUPS; g++) {
        uvec4 b;
        [[unroll]] for (uint i = 0; i < 4; i++)
            b[i] = pair_b(PACKED != 0 ? b_eight[g][i] : pair_of_b(g, i)) &
                   mask_of(b_mask[g], i);
        if (TILE_N % STAGERS == 0 || b_lane + g * STAGERS < TILE_N)
            staged[(TILE_M + b_lane + g * STAGERS) * STAGED + b_run] = b;
    }
}

uint tile_subgroup()
{
    return gl_SubgroupID + tile_zero;
}

uint tile_lane()
{
    return gl_SubgroupInvocationID + tile_zero;
}

// The subgroup's part of the tile.
uint part_m()
{
    return tile_subgroup() / SUBGROUPS_N * REG_M;
}

uint part_n()
{
    return tile_subgroup() % SUBGROUPS_N * REG_N;
}

// Of the operand with fewer matrices all are held, those of the other follow each other.
void stage_multiply_unit(uint k)
{
    const bool holds_a = PARTS_M < PARTS_N;
    const uint held = holds_a ? PARTS_M : PARTS_N, others = holds_a ? PARTS_N : PARTS_M;
    uint m = part_m() * STAGED + k / RUN, n = (TILE_M + part_n()) * STAGED + k / RUN;
    coopmat<UNIT_NUMBER, gl_ScopeSubgroup, UNIT_M, UNIT_K, gl_MatrixUseA> a[PARTS_M];
    coopmat<UNIT_NUMBER, gl_ScopeSubgroup, UNIT_K, UNIT_N, gl_MatrixUseB> b[PARTS_N];
    [[unroll]] for (uint i = 0; i < PARTS_M && holds_a; i++)
        coopMatLoad(a[i], staged, m + i * UNIT_M * STAGED, STAGED,
                    gl_CooperativeMatrixLayoutRowMajor);
    [[unroll]] for (uint j = 0; j < PARTS_N && !holds_a; j++)
        coopMatLoad(b[j], staged, n + j * UNIT_N * STAGED, STAGED,
                    gl_CooperativeMatrixLayoutColumnMajor);
    [[unroll]] for (uint o = 0; o < others; o++) {
        if (holds_a)
            coopMatLoad(b[o], staged, n + o * UNIT_N * STAGED, STAGED,
                        gl_CooperativeMatrixLayoutColumnMajor);
        else
            coopMatLoad(a[o], staged, m + o * UNIT_M * STAGED, STAGED,
                        gl_CooperativeMatrixLayoutRowMajor);
        [[unroll]] for (uint h = 0; h < held; h++) {
            const uint i = holds_a ? h : o, j = holds_a ? o : h;
            sums[i * PARTS_N + j] = coopMatMulAdd(a[i], b[j], sums[i * PARTS_N + j]);
        }
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
    const bool is_whole = k + TILE_K <= end;
    const uint live = live_of(k + b_run * RUN, end);
    if (TILE_STEADY) {
        stage_advance(k);
        if (!is_whole)
            stage_shorten(live);
    } else {
        row_jump(b, k + b_run * RUN);
        if (OWN_A != 0)
            row_jump(a, k + a_run * RUN);
        stage_locate(b, is_whole ? RUN : live);
    }
    if (is_whole)
        stage_load(OWN_A != 0 ? a : b, b);
    else
        stage_load_last(OWN_A != 0 ? a : b, b, live_of(k + a_run * RUN, end));
}

// Fills `sums` with the tile at m0, n0, of the sum from `first` on. size is that of the
// product: m, n and the end of k. While a step is multiplied the next one is loaded.
void tile_multiply(inout uint m0, inout uint n0, inout uvec3 size, uint first)
{
    if (PACKED != 0 && gl_LocalInvocationID.x == 0)
        staged[PARKED] = uvec4(m0, n0, size.xy);
    [[unroll]] for (uint i = 0; i < PARTS_M * PARTS_N; i++)
        sums[i] =
            coopmat<float, gl_ScopeSubgroup, UNIT_M, UNIT_N, gl_MatrixUseAccumulator>(0.0);
    stage_begin(m0, n0, size);
    row a = row_of(first + a_run * RUN), b = row_of(first + b_run * RUN);
    stage_locate(b, live_of(first + b_run * RUN, size.z));
    if (TILE_STEADY)
        stage_settle(OWN_A != 0 ? a : b, b);
    stage_load_last(OWN_A != 0 ? a : b, b, live_of(first + a_run * RUN, size.z));
    for (uint k = first; k < size.z; k += TILE_K) {
        tile_barrier();
        stage_store();
        tile_barrier();
        if (k + TILE_K < size.z)
            stage_next(a, b, k + TILE_K, size.z);
        stage_multiply();
    }
    if (PACKED != 0) {
        tile_barrier();
        uvec4 parked = staged[PARKED];
        m0 = parked.x;
        n0 = parked.y;
        size.xy = parked.zw;
        tile_zero = size.x >> 31;
    }
}

// Does `body` for every sum of the tile, where m and n are its place in the tile, after
// `before` for every n. Registers cannot be indexed, so that the first rows of `sums` are
// stored and the others move up: an unrolled loop would have as many copies of `body`.
#define TILE_FINISH(m, n, sum, before, body)                                             \
    [[dont_unroll]] for (uint part = 0; part < PARTS_M; part++) {                        \
        const uint result = tile_subgroup() * RESULT;                                    \
        const uint rows = LANES > REG_N ? LANES / REG_N : 1;                             \
        tile_barrier();                                                                  \
        [[unroll]] for (uint j = 0; j < PARTS_N; j++)                                    \
            coopMatStore(sums[j], staged, result + j * UNIT_N / 4, RESULT_STRIDE,        \
                         gl_CooperativeMatrixLayoutRowMajor);                            \
        [[unroll]] for (uint j = PARTS_N; j < PARTS_M * PARTS_N; j++)                    \
            sums[j - PARTS_N] = sums[j];                                                 \
        tile_barrier();                                                                  \
        [[dont_unroll]] for (uint column = tile_lane() % REG_N;                          \
                             column < REG_N; column += LANES) {                          \
            uint n = part_n() + column;                                                  \
            before                                                                       \
            for (uint line = tile_lane() / REG_N; line < UNIT_M;                         \
                 line += rows) {                                                         \
                uint m = part_m() + part * UNIT_M + line;                                \
                float sum = uintBitsToFloat(                                             \
                    staged[result + line * RESULT_STRIDE + column / 4][column % 4]);     \
                body                                                                     \
            }                                                                            \
        }                                                                                \
    }
