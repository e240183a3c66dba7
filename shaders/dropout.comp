// SPDX-License-Identifier: MIT
//
// Multiplies by a random mask of zeros and factors, forward (x to y) and backward (dy
// to dx) alike; four elements by each invocation. See shared/dropout.h.

#version 460
#extension GL_GOOGLE_include_directive : require

#define SCALER_BINDING 2
#define SCALER_MARKS

#include "shared/dropout.h"
#include "shared/step.h"
#include "lib/grid.glsl"
#include "lib/random.glsl"
#include "lib/tensor.glsl"
#include "lib/view.glsl"

layout(local_size_x_id = 0) in;
layout(push_constant) uniform Push { dropout_params p; };
TENSOR_READ(0, x)
TENSOR(1, y)
layout(binding = 5) uniform Step { step_block s; };

void main()
{
    uint skipped = p.first % 4;    // of the four that have the first bits
    GRID_STRIDE(quad, (skipped + p.count + 3) / 4) {
        uvec4 bits = philox(uvec4(p.first / 4 + quad, s.step, p.stream, 0),
                            uvec2(s.seed_low, s.seed_high));
        for (uint k = quad == 0 ? skipped : 0; k < 4; k++) {
            uint i = quad * 4 + k - skipped;
            if (i >= p.count)
                break;
            float v = x_at(view_index(p.x, p.run, i)) * p.factor;
            v = bits[k] >= p.threshold ? v : 0.0;
            uint at = view_index(p.y, p.run, i);
            y_set(at, p.accumulate != 0 ? y_at(at) + v : v);
        }
    }
}
