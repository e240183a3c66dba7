// SPDX-License-Identifier: MIT
//
// Copies a tensor, one element at a time: to or from a slice of another one, where the
// two cannot share memory. See shared/concat.h.

#version 460
#extension GL_GOOGLE_include_directive : require

#include "shared/concat.h"
#include "lib/grid.glsl"
#include "lib/view.glsl"

layout(local_size_x_id = 0) in;
layout(push_constant) uniform Push { concat_params p; };
layout(binding = 0) readonly buffer From { STORE from[]; };
layout(binding = 1) buffer To { STORE to[]; };

void main()
{
    GRID_STRIDE(i, p.count) {
        float v = from[view_index(p.from, p.run, i)];
        uint at = view_index(p.to, p.run, i);
        to[at] = p.accumulate != 0 ? to[at] + v : v;
    }
}
