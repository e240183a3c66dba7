// SPDX-License-Identifier: MIT
//
// y = alpha a + (1 - alpha) b with an alpha for each sample, elementwise. See
// shared/interpolate.h.

#version 460
#extension GL_GOOGLE_include_directive : require

#include "shared/interpolate.h"
#include "shared/step.h"
#include "lib/grid.glsl"
#include "lib/random.glsl"
#include "lib/view.glsl"

layout(local_size_x_id = 0) in;
layout(push_constant) uniform Push { interpolate_params p; };
layout(binding = 0) readonly buffer A { STORE a[]; };
layout(binding = 1) readonly buffer B { STORE b[]; };
layout(binding = 2) writeonly buffer Y { STORE y[]; };
layout(binding = 5) uniform Step { step_block s; };

void main()
{
    GRID_STRIDE(i, p.count) {
        float alpha = p.alpha;
        if (alpha < 0.0) {
            uvec4 bits = philox(uvec4(p.first_sample + i / p.run, s.step, p.stream,
                                      INTERPOLATE_PURPOSE),
                                uvec2(s.seed_low, s.seed_high));
            alpha = float(bits.x >> 8) / 16777216.0;
        }
        y[view_index(p.y, p.run, i)] = alpha * a[view_index(p.a, p.run, i)] +
                                       (1.0 - alpha) * b[view_index(p.b, p.run, i)];
    }
}
