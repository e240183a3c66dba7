// SPDX-License-Identifier: MIT
//
// One step of Adam, elementwise. See shared/adam.h.

#version 460
#extension GL_GOOGLE_include_directive : require

#define SCALER_BINDING 4

#include "shared/adam.h"
#include "shared/step.h"
#include "lib/adam.glsl"
#include "lib/grid.glsl"
#include "lib/tensor.glsl"

layout(local_size_x_id = 0) in;
layout(push_constant) uniform Push { adam_params p; };
layout(binding = 0) buffer W { STORE w[]; };
layout(binding = 1) readonly buffer G { STORE g[]; };
layout(binding = 2) buffer M { STORE m[]; };
layout(binding = 3) buffer V { STORE v[]; };
#ifdef PIX_16BIT
layout(binding = 3) buffer Copy { uint16_t v_halves[]; };    // of [v | flag | copy]
#endif
layout(binding = 5) uniform Step { step_block s; };

void main()
{
    if (scaler_skips())
        return;
    GRID_STRIDE(i, p.count) {
        vec3 state = adam_update(vec3(w[i], m[i], v[i]), g[i], p.rule, s);
        w[i] = state.x;
        m[i] = state.y;
        v[i] = state.z;
#ifdef PIX_16BIT
        v_halves[2 * (p.part + FLAG_ELEMENTS) + i] =
            uint16_t(number_to_16(state.x, format_of(FORMAT_OF_COPY)));
#endif
    }
    if (adam_is_broken)
        v[p.part] = FLAG_NOT_FINITE;
}
