// SPDX-License-Identifier: MIT
//
// A sum may be split into parts, numbered along z of the grid: z = phase * parts + part.
// Each part is stored in a slab of its own, and conv_reduce or conv_reduce_weight adds
// them up in their order, so that the result does not depend on timing.

layout(constant_id = CONV_SPEC_PARTS) const uint parts = 1;

uint conv_part()
{
    return gl_WorkGroupID.z % parts;
}

uint conv_phase()
{
    return gl_WorkGroupID.z / parts;
}

// The part's share of the terms of a sum.
uint conv_sum_first()
{
    uint terms = CONV_PARAMS.sum_end - CONV_PARAMS.sum_first;
    return CONV_PARAMS.sum_first + terms * conv_part() / parts;
}

uint conv_sum_end()
{
    uint terms = CONV_PARAMS.sum_end - CONV_PARAMS.sum_first;
    return CONV_PARAMS.sum_first + terms * (conv_part() + 1) / parts;
}
