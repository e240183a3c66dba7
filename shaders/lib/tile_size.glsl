// SPDX-License-Identifier: MIT
//
// The sizes of a tile, see lib/tile.glsl and lib/matrix.glsl.

layout(local_size_x_id = 0) in;
layout(constant_id = CONV_SPEC_TILE_M) const uint TILE_M = 64;
layout(constant_id = CONV_SPEC_TILE_N) const uint TILE_N = 64;
layout(constant_id = CONV_SPEC_TILE_K) const uint TILE_K = 16;
layout(constant_id = CONV_SPEC_REG_M) const uint REG_M = 8;
layout(constant_id = CONV_SPEC_REG_N) const uint REG_N = 4;
#ifdef MATRIX
// 1: RUN neighbours in k are neighbours in A's tensor, of f16, at a multiple of RUN, and
// the sum begins and ends at one.
layout(constant_id = CONV_SPEC_RUNS_A) const uint RUNS_A = 0;
layout(constant_id = CONV_SPEC_SUBGROUP) const uint LANES = 32;    // of a subgroup
// Not 0: sums take half of the 128 registers that an invocation has on Intel's GPUs. The
// rest is kept small at the price of instructions.
const uint PACKED = LANES < 32 ? REG_M * REG_N / (64 * LANES) : 0;
// 0. Behind the loop it comes from shared memory if PACKED: what is computed with it is
// computed there again, and takes no register through the loop.
uint tile_zero = 0;
#else
layout(constant_id = CONV_SPEC_DIRECT) const uint DIRECT = 0;
layout(constant_id = CONV_SPEC_RAGGED) const uint RAGGED = 0;
#endif
