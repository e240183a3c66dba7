// SPDX-License-Identifier: MIT
//
// The sum of two values over a workgroup of REDUCE_WORKGROUP invocations, in the order
// of a binary tree, without subgroups. Every invocation of the workgroup calls it, and
// every one gets the sums.

shared vec2 reduce_values[REDUCE_WORKGROUP];

vec2 workgroup_sum(vec2 value)
{
    uint i = gl_LocalInvocationIndex;
    reduce_values[i] = value;
    barrier();
    for (uint half_size = REDUCE_WORKGROUP / 2; half_size > 0; half_size /= 2) {
        if (i < half_size)
            reduce_values[i] += reduce_values[i + half_size];
        barrier();
    }
    vec2 sum = reduce_values[0];
    barrier();    // nobody starts another sum before all have read this one
    return sum;
}
