// SPDX-License-Identifier: MIT
//
// dx = factor * (dy - (sum dy + xhat * sum dy xhat) / count), elementwise, with the
// backward record of the element's group. See shared/norm.h.

#version 460
#extension GL_GOOGLE_include_directive : require

#include "shared/norm.h"
#include "lib/grid.glsl"

layout(local_size_x_id = 0) in;
layout(push_constant) uniform Push { norm_params p; };
layout(binding = 0) readonly buffer DY { STORE dy[]; };
layout(binding = 1) readonly buffer X { STORE x[]; };
layout(binding = 2) readonly buffer Backward { STORE backward[]; };
layout(binding = 3) buffer DX { STORE dx[]; };

void main()
{
    GRID_STRIDE(i, p.count) {
        uint b = i / p.run % p.groups * NORM_BACKWARD_RECORD;
        float xhat = (x[i] - backward[b + NORM_BACKWARD_MEAN]) *
                     backward[b + NORM_BACKWARD_RSTD];
        float sums = backward[b + NORM_BACKWARD_DY] +
                     xhat * backward[b + NORM_BACKWARD_DY_XHAT];
        float d = backward[b + NORM_BACKWARD_FACTOR] * (dy[i] - sums * p.inverse_count);
        dx[i] = p.accumulate != 0 ? dx[i] + d : d;
    }
}
