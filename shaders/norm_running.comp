// SPDX-License-Identifier: MIT
//
// Running mean and variance of each channel: running = (1 - momentum) * running +
// momentum * batch, with the unbiased variance, averaged over the samples of instance
// norm. See shared/norm.h.

#version 460
#extension GL_GOOGLE_include_directive : require

#include "shared/norm.h"
#include "lib/grid.glsl"

layout(local_size_x_id = 0) in;
layout(push_constant) uniform Push { norm_channel_params p; };
layout(binding = 0) readonly buffer Record { STORE record[]; };
layout(binding = 1) buffer Mean { STORE mean[]; };
layout(binding = 2) buffer Variance { STORE variance[]; };

void main()
{
    GRID_STRIDE(c, p.channels) {
        vec2 sum = vec2(0.0);
        for (uint n = 0; n < p.samples; n++) {
            uint r = (n * p.channels + c) * NORM_RECORD;
            sum += vec2(record[r + NORM_MEAN], record[r + NORM_VARIANCE]);
        }
        vec2 batch = sum / float(p.samples) * vec2(1.0, p.unbiased);
        mean[c] += p.momentum * (batch.x - mean[c]);
        variance[c] += p.momentum * (batch.y - variance[c]);
    }
}
