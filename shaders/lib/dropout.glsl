// SPDX-License-Identifier: MIT
//
// The mask of dropout for one element. See shared/dropout.h.

#include "lib/random.glsl"

bool dropout_keeps(uint i, uint stream, uint threshold, step_block step)
{
    uvec4 bits = philox(uvec4(i / 4, step.step, stream, 0),
                        uvec2(step.seed_low, step.seed_high));
    return bits[i % 4] >= threshold;
}
