// SPDX-License-Identifier: MIT
//
// Copies a tensor, one element at a time: to or from a slice of another one, where the
// two cannot share memory. See shared/concat.h.

#version 460
#extension GL_GOOGLE_include_directive : require

#define SCALER_BINDING 2
#define SCALER_MARKS

#include "shared/concat.h"
#include "lib/grid.glsl"
#include "lib/tensor.glsl"
#include "lib/view.glsl"

layout(local_size_x_id = 0) in;
layout(push_constant) uniform Push { concat_params p; };
TENSOR_READ(0, from)
TENSOR(1, to)

void main()
{
    GRID_STRIDE(i, p.count) {
        float v = from_at(view_index(p.from, p.run, i));
        uint at = view_index(p.to, p.run, i);
        to_set(at, p.accumulate != 0 ? to_at(at) + v : v);
    }
}
