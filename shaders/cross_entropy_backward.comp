// SPDX-License-Identifier: MIT
//
// The gradient of cross entropy by the logits, a pixel by each invocation. See
// shared/softmax.h.

#version 460
#extension GL_GOOGLE_include_directive : require

#define SCALER_BINDING 4

#include "shared/softmax.h"
#include "lib/grid.glsl"
#include "lib/scaler.glsl"
#include "lib/softmax.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = CROSS_ENTROPY_SPEC_SEED) const uint has_seed = 1;

layout(push_constant) uniform Push { cross_entropy_params p; };
layout(binding = 0) readonly buffer X { STORE x[]; };
layout(binding = 1) readonly buffer T { STORE t[]; };
layout(binding = 2) readonly buffer DLoss { STORE dloss[]; };
layout(binding = 3) buffer DX { STORE dx[]; };

void main()
{
    float factor = has_seed != 0 ? dloss[p.dloss.offset] * p.factor : p.factor;
    factor *= scaler_scale();
    GRID_STRIDE(i, p.count) {
        uint n = i / p.plane;
        uint at_x = p.x.offset + n * p.x.stride + i % p.plane;
        uint at_t = p.t.offset + n * p.t.stride + i % p.plane;
        uint at_dx = p.dx.offset + n * p.dx.stride + i % p.plane;
        SOFTMAX_FIND(x, at_x, p.channels, p.plane, largest, sum)
        float all = 0.0;
        for (uint c = 0; c < p.channels; c++)
            all += 0.5 * t[at_t + c * p.plane] + 0.5;
        for (uint c = 0; c < p.channels; c++) {
            float q = 0.5 * t[at_t + c * p.plane] + 0.5;
            float d = factor *
                      (softmax_exp(x[at_x + c * p.plane] - largest) / sum * all - q);
            uint to = at_dx + c * p.plane;
            dx[to] = p.accumulate != 0 ? dx[to] + d : d;
        }
    }
}
