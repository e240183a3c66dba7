// SPDX-License-Identifier: MIT
//
// The end of forward and input gradient: what is done with a complete sum before it is
// stored. See shared/conv.h. The kernel includes it after its params; bindings 2 and 3
// are declared here.

#include "lib/activation.glsl"
#include "lib/conv_parts.glsl"
#include "lib/tensor.glsl"

layout(constant_id = CONV_SPEC_BIAS) const uint bias = 0;
layout(constant_id = CONV_SPEC_ACCUMULATE) const uint accumulate = 0;
layout(constant_id = CONV_SPEC_STORE) const uint store = CONV_STORE_PLAIN;

#ifndef CONV_STORE_BINDING
#define CONV_STORE_BINDING 2
#endif
TENSOR_READ(CONV_STORE_BINDING, z)    // the bias, z, or anything
TENSOR(CONV_STORE_BINDING + 1, out)

// `at` and `at_z` are the places of an element of channel c in the output and in z.
void conv_store(uint at, uint at_z, uint c, float sum)
{
    if (parts != 1) {
        out_set(conv_part() * p.slab + at, sum);
        return;
    }
    if (bias != 0)
        sum += z_at(c);
    if (store == CONV_STORE_DERIVATIVE)
        sum = z_at(at_z) > 0.0 ? sum : sum * p.slope;
    if (accumulate != 0)
        sum += out_at(at);
    if (store == CONV_STORE_TANH)
        sum = activation_tanh(sum);
    out_set(at, sum);
}
