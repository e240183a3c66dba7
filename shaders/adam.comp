// SPDX-License-Identifier: MIT
//
// One step of Adam, elementwise. See shared/adam.h.

#version 460
#extension GL_GOOGLE_include_directive : require

#include "shared/adam.h"
#include "shared/step.h"
#include "lib/grid.glsl"

layout(local_size_x_id = 0) in;
layout(push_constant) uniform Push { adam_params p; };
layout(binding = 0) buffer W { STORE w[]; };
layout(binding = 1) readonly buffer G { STORE g[]; };
layout(binding = 2) buffer M { STORE m[]; };
layout(binding = 3) buffer V { STORE v[]; };
layout(binding = 4) uniform Step { step_block s; };

void main()
{
    GRID_STRIDE(i, p.count) {
        float d = g[i];
        float m1 = p.beta1 * m[i] + p.one_beta1 * d;
        float v1 = p.beta2 * v[i] + p.one_beta2 * d * d;
        m[i] = m1;
        v[i] = v1;
        w[i] -= s.adam_step_size * m1 / (sqrt(v1) / s.adam_root + p.epsilon);
    }
}
