// SPDX-License-Identifier: MIT
//
// The sum of two values over a workgroup, of at most REDUCE_WORKGROUP_MAX invocations, in
// a fixed order, without subgroups: columns first, then their sums. Every invocation of the
// workgroup calls it, and every one gets the sums. Two barriers: a tree would need one a
// level, and they are what such a small sum costs.

layout(local_size_x_id = 0) in;    // here already: gl_WorkGroupSize is used below

#define REDUCE_COLUMNS 8

// Does `body` for an invocation's share of `count` elements, with k the element. Eight at
// a time while there are so many: lavapipe ends loops after 65535 iterations.
#define REDUCE_EACH(k, count, body)                                                      \
    {                                                                                    \
        uint k = gl_LocalInvocationIndex;                                                \
        while (k + 7 * gl_WorkGroupSize.x < (count)) {                                     \
            [[unroll]] for (uint unrolled = 0; unrolled < 8; unrolled++) {               \
                body;                                                                    \
                k += gl_WorkGroupSize.x;                                                 \
            }                                                                            \
        }                                                                                \
        for (; k < (count); k += gl_WorkGroupSize.x) {                                     \
            body;                                                                        \
        }                                                                                \
    }

shared vec2 reduce_values[REDUCE_WORKGROUP_MAX];
shared vec2 reduce_columns[REDUCE_COLUMNS];

vec2 workgroup_sum(vec2 value)
{
    uint i = gl_LocalInvocationIndex;
    reduce_values[i] = value;
    barrier();
    if (i < REDUCE_COLUMNS) {
        vec2 column = reduce_values[i];
        for (uint k = i + REDUCE_COLUMNS; k < gl_WorkGroupSize.x; k += REDUCE_COLUMNS)
            column += reduce_values[k];
        reduce_columns[i] = column;
    }
    barrier();
    // The next sum writes columns only after a barrier that all reach after this.
    vec2 sum = reduce_columns[0];
    for (uint k = 1; k < REDUCE_COLUMNS; k++)
        sum += reduce_columns[k];
    return sum;
}
