// SPDX-License-Identifier: MIT
//
// dscale and dshift of each channel: the sums in the backward records, over the samples
// of instance norm in their order. See shared/norm.h.

#version 460
#extension GL_GOOGLE_include_directive : require

#include "shared/norm.h"
#include "lib/grid.glsl"

layout(local_size_x_id = 0) in;
layout(push_constant) uniform Push { norm_channel_params p; };
layout(binding = 0) readonly buffer Backward { STORE backward[]; };
layout(binding = 1) buffer DScale { STORE dscale[]; };
layout(binding = 2) buffer DShift { STORE dshift[]; };

void main()
{
    GRID_STRIDE(c, p.channels) {
        vec2 sum = vec2(0.0);
        for (uint n = 0; n < p.samples; n++) {
            uint b = (n * p.channels + c) * NORM_BACKWARD_RECORD;
            sum += vec2(backward[b + NORM_BACKWARD_DY_XHAT],
                        backward[b + NORM_BACKWARD_DY]);
        }
        dscale[c] = p.accumulate_scale != 0 ? dscale[c] + sum.x : sum.x;
        dshift[c] = p.accumulate_shift != 0 ? dshift[c] + sum.y : sum.y;
    }
}
