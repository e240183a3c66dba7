// SPDX-License-Identifier: MIT
//
// The loss scale of a network at its update, see shared/scaler.h. One invocation does it.

#version 460
#extension GL_GOOGLE_include_directive : require

#include "shared/scaler.h"
#include "shared/step.h"

layout(local_size_x_id = 0) in;
layout(push_constant) uniform Push { scaler_params p; };
layout(binding = 0) buffer Scaler { scaler_block scaler; };
layout(binding = 5) uniform Step { step_block s; };

void main()
{
    if (gl_GlobalInvocationID.x != 0)
        return;
    bool skip = scaler.overflow != 0;
    scaler.overflow = 0;
    scaler.skip = skip ? 1 : 0;
    scaler.inverse = 1.0 / scaler.scale;
    if (skip) {
        scaler.scale = max(0.5 * scaler.scale, SCALER_LEAST);
        scaler.good = 0;
        scaler.skipped++;
        return;
    }
    scaler.steps++;
    scaler.beta1_power *= p.beta1;
    scaler.beta2_power *= p.beta2;
    scaler.adam_step_size = s.lr / (1.0 - scaler.beta1_power);
    scaler.adam_root = sqrt(1.0 - scaler.beta2_power);
    scaler.good++;
    if (scaler.good == SCALER_PATIENCE) {
        scaler.scale = min(2.0 * scaler.scale, SCALER_MOST);
        scaler.good = 0;
    }
}
