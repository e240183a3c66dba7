// SPDX-License-Identifier: MIT
//
// Loop over `count` elements by all invocations of the grid. The stride comes from the
// params (never from gl_NumWorkGroups: a dispatch may be split).

#define GRID_STRIDE(i, count)                                                            \
    for (uint i = gl_GlobalInvocationID.x; i < (count); i += p.stride)
