// SPDX-License-Identifier: MIT
//
// One step of gradient descent with momentum, elementwise. See shared/adam.h.

#version 460
#extension GL_GOOGLE_include_directive : require

#define SCALER_BINDING 4

#include "shared/adam.h"
#include "shared/step.h"
#include "lib/finite.glsl"
#include "lib/grid.glsl"
#include "lib/tensor.glsl"

layout(local_size_x_id = 0) in;
layout(push_constant) uniform Push { sgd_params p; };
layout(binding = 0) buffer W { STORE w[]; };
layout(binding = 1) readonly buffer G { STORE g[]; };
layout(binding = 2) buffer M { STORE m[]; };
layout(binding = 3) writeonly buffer Flag { STORE flag[]; };
#ifdef PIX_16BIT
layout(binding = 3) writeonly buffer Copy { uint16_t flag_halves[]; };    // of [flag | copy]
#endif
layout(binding = 5) uniform Step { step_block s; };

void main()
{
    if (scaler_skips())
        return;
    bool is_broken = false;
    GRID_STRIDE(i, p.count) {
        float m1 = p.momentum * m[i] + g[i] * scaler_inverse();
        float w1 = w[i] - s.lr * m1;
        m[i] = m1;
        w[i] = w1;
#ifdef PIX_16BIT
        flag_halves[2 * FLAG_ELEMENTS + i] =
            uint16_t(number_to_16(w1, format_of(FORMAT_OF_COPY)));
#endif
        is_broken = is_broken || !is_finite(m1) || !is_finite(w1);
    }
    if (is_broken)
        flag[0] = FLAG_NOT_FINITE;
}
