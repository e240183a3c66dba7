// SPDX-License-Identifier: MIT
//
// As bench_fma on matrix units: sums = a b + sums, matrices of f16, or of bf16 with
// PIX_BF16, to sums of f32, and nothing else: BENCH_MATRICES sums of a subgroup that do
// not wait for each other. Compiled by tools/compile_matrix.sh.

#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require
#ifdef PIX_BF16
#extension GL_EXT_bfloat16 : require
#endif

#include "shared/bench.h"

#ifdef PIX_BF16
#define NUMBER bfloat16_t
#else
#define NUMBER float16_t
#endif

layout(local_size_x_id = 0) in;
layout(constant_id = BENCH_SPEC_M) const uint M = 16;
layout(constant_id = BENCH_SPEC_N) const uint N = 16;
layout(constant_id = BENCH_SPEC_K) const uint K = 16;

layout(push_constant) uniform Push { bench_params p; };
layout(binding = 0) writeonly buffer Y { STORE y[]; };

#ifdef PIX_BF16
// Matrices that are made of single elements of 16 bits would be packed in every turn.
const uint A_PAIRS = M * K / 2, B_PAIRS = K * N / 2;
shared uint pairs[2 * A_PAIRS + B_PAIRS];

uint pair(float v)
{
    return floatBitsToUint(v) >> 16 | floatBitsToUint(v + 1.0) & 0xffff0000;
}
#endif

void main()
{
    coopmat<NUMBER, gl_ScopeSubgroup, M, K, gl_MatrixUseA> a;
    coopmat<NUMBER, gl_ScopeSubgroup, K, N, gl_MatrixUseB> b;
    coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator> sums[BENCH_MATRICES];
    // Elements that are equal could be computed once.
    float lane = float(gl_LocalInvocationID.x);
#ifdef PIX_BF16
    coopmat<NUMBER, gl_ScopeSubgroup, M, K, gl_MatrixUseA> opposite;
    for (uint i = gl_LocalInvocationID.x; i < A_PAIRS; i += gl_WorkGroupSize.x) {
        pairs[i] = pair(p.a * float(i));
        pairs[A_PAIRS + i] = pairs[i] ^ 0x80008000;
    }
    for (uint i = gl_LocalInvocationID.x; i < B_PAIRS; i += gl_WorkGroupSize.x)
        pairs[2 * A_PAIRS + i] = pair(p.b * float(i));
    barrier();
    coopMatLoad(a, pairs, 0, K / 2, gl_CooperativeMatrixLayoutRowMajor);
    coopMatLoad(opposite, pairs, A_PAIRS, K / 2, gl_CooperativeMatrixLayoutRowMajor);
    coopMatLoad(b, pairs, 2 * A_PAIRS, K / 2, gl_CooperativeMatrixLayoutColumnMajor);
#else
    for (uint e = 0; e < a.length(); e++)
        a[e] = NUMBER(p.a * lane + float(e));
    for (uint e = 0; e < b.length(); e++)
        b[e] = NUMBER(p.b * lane - float(e));
#endif
    [[unroll]] for (uint i = 0; i < BENCH_MATRICES; i++)
        for (uint e = 0; e < sums[i].length(); e++)
            sums[i][e] = p.a * lane + float(e * BENCH_MATRICES + i);
    // The sign changes, so that products are not those of the turn before, and sums stay
    // small.
#ifdef PIX_BF16
    // Which has no negation: two turns at a time, of an even number.
    for (uint turn = 0; turn < p.count; turn += 2) {
        [[unroll]] for (uint i = 0; i < BENCH_MATRICES; i++)
            sums[i] = coopMatMulAdd(a, b, sums[i]);
        [[unroll]] for (uint i = 0; i < BENCH_MATRICES; i++)
            sums[i] = coopMatMulAdd(opposite, b, sums[i]);
    }
#else
    for (uint turn = 0; turn < p.count; turn++) {
        [[unroll]] for (uint i = 0; i < BENCH_MATRICES; i++)
            sums[i] = coopMatMulAdd(a, b, sums[i]);
        a = -a;
    }
#endif
    [[unroll]] for (uint i = 1; i < BENCH_MATRICES; i++)
        sums[0] += sums[i];
    float sum = 0.0;
    for (uint e = 0; e < sums[0].length(); e++)
        sum += sums[0][e];
    if (sum == p.never)
        y[0] = sum;
}
