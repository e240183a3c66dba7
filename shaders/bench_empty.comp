// SPDX-License-Identifier: MIT
//
// What a dispatch costs that has nothing to do. See shared/bench.h.

#version 460
#extension GL_GOOGLE_include_directive : require

#include "shared/bench.h"

layout(local_size_x_id = 0) in;

layout(push_constant) uniform Push { bench_params p; };
layout(binding = 0) writeonly buffer Y { STORE y[]; };

void main()
{
    if (p.a == p.never)
        y[0] = p.a;
}
