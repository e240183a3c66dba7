// SPDX-License-Identifier: MIT
//
// One step of Adam, elementwise. See shared/adam.h.

#version 460
#extension GL_GOOGLE_include_directive : require

#include "shared/adam.h"
#include "shared/step.h"
#include "lib/adam.glsl"
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
        vec3 state = adam_update(vec3(w[i], m[i], v[i]), g[i], p.rule, s);
        w[i] = state.x;
        m[i] = state.y;
        v[i] = state.z;
    }
    if (adam_is_broken)
        v[p.part] = FLAG_NOT_FINITE;
}
