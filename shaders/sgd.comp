// SPDX-License-Identifier: MIT
//
// One step of gradient descent with momentum, elementwise. See shared/adam.h.

#version 460
#extension GL_GOOGLE_include_directive : require

#include "shared/adam.h"
#include "shared/step.h"
#include "lib/grid.glsl"

layout(local_size_x_id = 0) in;
layout(push_constant) uniform Push { sgd_params p; };
layout(binding = 0) buffer W { STORE w[]; };
layout(binding = 1) readonly buffer G { STORE g[]; };
layout(binding = 2) buffer M { STORE m[]; };
layout(binding = 4) uniform Step { step_block s; };

void main()
{
    GRID_STRIDE(i, p.count) {
        float m1 = p.momentum * m[i] + g[i];
        m[i] = m1;
        w[i] -= s.lr * m1;
    }
}
