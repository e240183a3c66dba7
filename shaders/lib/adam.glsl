// SPDX-License-Identifier: MIT
//
// One number's step of Adam: its (value, m, v) and gradient to the new (value, m, v). See
// shared/adam.h. A kernel that has done its last update writes the flag if
// adam_is_broken. Not to be called where scaler_skips().

#include "lib/finite.glsl"
#include "lib/scaler.glsl"

bool adam_is_broken = false;    // an update of this invocation gave no finite numbers

vec3 adam_update(vec3 state, float g, adam_rule r, step_block step)
{
    g *= scaler_inverse();
#ifdef PIX_SCALED
    step.adam_step_size = scaler.adam_step_size;
    step.adam_root = scaler.adam_root;
#endif
    float m = r.beta1 * state.y + r.one_beta1 * g;
    float v = r.beta2 * state.z + r.one_beta2 * g * g;
    float w = state.x - step.adam_step_size * m / (sqrt(v) / step.adam_root + r.epsilon);
    adam_is_broken = adam_is_broken || !is_finite(w) || !is_finite(m) || !is_finite(v);
    return vec3(w, m, v);
}
