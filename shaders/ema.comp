// SPDX-License-Identifier: MIT
//
// average = decay * average + (1 - decay) * value, elementwise. See shared/ema.h.

#version 460
#extension GL_GOOGLE_include_directive : require

#include "shared/ema.h"
#include "lib/grid.glsl"

layout(local_size_x_id = 0) in;
layout(push_constant) uniform Push { ema_params p; };
layout(binding = 0) readonly buffer Value { STORE value[]; };
layout(binding = 1) buffer Average { STORE average[]; };

void main()
{
    GRID_STRIDE(i, p.count)
        average[i] = p.decay == 0.0 ? value[i]
                                    : p.decay * average[i] + p.one_decay * value[i];
}
