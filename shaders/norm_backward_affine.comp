// SPDX-License-Identifier: MIT
//
// dscale and dshift of each channel: the sums in the records, over the channel's groups
// in their order. See shared/norm.h.

#version 460
#extension GL_GOOGLE_include_directive : require

#include "shared/norm.h"
#include "lib/grid.glsl"

layout(local_size_x_id = 0) in;
layout(push_constant) uniform Push { norm_affine_params p; };
layout(binding = 0) readonly buffer Record { STORE record[]; };
layout(binding = 1) buffer DScale { STORE dscale[]; };
layout(binding = 2) buffer DShift { STORE dshift[]; };

void main()
{
    GRID_STRIDE(c, p.channels) {
        vec2 sum = vec2(0.0);
        for (uint i = 0; i < p.groups; i++) {
            uint r = (i * p.channels + c) * NORM_RECORD;
            sum += vec2(record[r + NORM_DY_XHAT], record[r + NORM_DY]);
        }
        dscale[c] = p.accumulate_scale != 0 ? dscale[c] + sum.x : sum.x;
        dshift[c] = p.accumulate_shift != 0 ? dshift[c] + sum.y : sum.y;
    }
}
