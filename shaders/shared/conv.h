// SPDX-License-Identifier: MIT
//
// Convolution of x [n, c_in, h_in, w_in] with w [c_out, c_in, k, k] and zero padding p
// to y [n, c_out, h_out, w_out], at stride s:
//
//     y[n,o,i,j] = b[o] + sum over c,u,v of w[o,c,u,v] x[n,c,i',j']
//     dw[o,c,u,v] = sum over n,i,j of dy[n,o,i,j] x[n,c,i',j']
//     db[o] = sum over n,i,j of dy[n,o,i,j]
//
// where i' = i s + u - p and j' = j s + v - p, and the other way round
//
//     dx[n,c,i',j'] = sum over o,u,v of w[o,c,u,v] dy[n,o,i,j]
//
// over those u and v for which s divides i' + p - u and j' + p - v.
//
// Around these sums, without a pass of their own:
//
//     on load     a leaky ReLU of the activation that is read (x forward; the input of
//                 a transposed convolution), so that only the tensor before it is kept
//     on store    y = tanh(y); or dx *= z > 0 ? 1 : slope, the derivative of that leaky
//                 ReLU at its argument z; or Adam's update of w by dw
//
// The names are those of the convolution everywhere, also where the same kernels serve
// a transposed convolution: its output takes the place of x, its input that of y.

#ifndef SHARED_CONV_H
#define SHARED_CONV_H

#include "shared/adam.h"
#include "shared/base.h"

#define CONV_SPEC_KERNEL 1
#define CONV_SPEC_STRIDE 2
#define CONV_SPEC_PAD 3
#define CONV_SPEC_BIAS 4          // 1: add b, 0: the binding of b holds anything
#define CONV_SPEC_ACCUMULATE 5    // 1: add to the output, 0: overwrite

// Tiled kernels, see lib/tile.glsl.
#define CONV_SPEC_TILE_M 6
#define CONV_SPEC_TILE_N 7
#define CONV_SPEC_TILE_K 8
#define CONV_SPEC_REG_M 9
#define CONV_SPEC_REG_N 10
#define CONV_SPEC_DIRECT 11

// Row kernels, see lib/rows.glsl; their registers have the numbers above.
#define CONV_SPEC_LANES 6      // of a subgroup
#define CONV_SPEC_FOURS_A 7    // 1: fetched four at a time, 0: one at a time
#define CONV_SPEC_FOURS_LINE 8

// Vector kernels, see lib/vector.glsl.
#define CONV_SPEC_H_IN 6
#define CONV_SPEC_W_IN 7
#define CONV_SPEC_H_OUT 8
#define CONV_SPEC_CHANNELS CONV_SPEC_REG_M
#define CONV_SPEC_ROWS CONV_SPEC_REG_N    // or samples
#define CONV_SPEC_W_OUT 11

#define CONV_SPEC_LOAD 12     // which operand goes through the leaky ReLU on load
#define CONV_SPEC_STORE 13    // what happens to a complete sum

// Tiled kernels. 0: m is a multiple of 4, and either operand has 4 elements.
#define CONV_SPEC_RAGGED 14

#define CONV_SPEC_PARTS 15    // of the sum, see lib/conv_parts.glsl

// Matrix kernels, see lib/matrix.glsl; tiles and registers have the numbers above.
#define CONV_SPEC_RUNS_A 11      // 1: A is read in runs of 16 bytes
#define CONV_SPEC_SUBGROUP 16    // its invocations
#define CONV_SPEC_UNIT_M 17      // of a matrix that the device multiplies
#define CONV_SPEC_UNIT_N 18
#define CONV_SPEC_UNIT_K 19

#define CONV_LOAD_PLAIN 0
#define CONV_LOAD_X 1
#define CONV_LOAD_Y 2       // what has the place of y or dy
#define CONV_LOAD_RELU 4    // with one of these: the slope is 0

#define CONV_STORE_PLAIN 0
#define CONV_STORE_TANH 1
#define CONV_STORE_DERIVATIVE 2    // of the leaky ReLU, at z
#define CONV_STORE_ADAM 3          // weight gradient only

struct conv_params {
    uint n;
    uint c_in, h_in, w_in;
    uint c_out, h_out, w_out;
    uint stride;      // simple kernels: invocations of the grid
    uint groups_x;    // tiled kernels: workgroups along x, to number those of x and y
    // This call's part of the sum, [sum_first, sum_end): forward channels of x,
    // backward input channels of y, backward weight rows of y in all samples.
    uint sum_first, sum_end;
    STRUCT(view) x, y;    // the tensors in the places of x or dx, of y or dy
    STRUCT(view) z;       // of the shape that is stored
    float slope;          // of the leaky ReLU: on load, and of its derivative at z
    uint slab;            // elements of a part of the sum, see lib/conv_parts.glsl
};

// Weight gradient. With CONV_STORE_ADAM the output is [value | m | v | flag], the first
// three of `part` elements each; else it is dw.
struct conv_weight_params {
    STRUCT(conv_params) conv;
    STRUCT(adam_rule) adam;
    uint part;
};

struct conv_bias_params {
    uint n, c, plane;    // of dy; plane is h * w
    STRUCT(view) y;      // of dy
    uint groups_x;       // workgroups along x
    uint accumulate;     // 1: add to db, 0: overwrite
};

#endif
