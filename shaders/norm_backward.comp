// SPDX-License-Identifier: MIT
//
// dx = factor * (d - (sum d + xhat * sum d xhat) / count), where d is dy after the mask of
// dropout and the derivative of the leaky ReLU; one workgroup for the groups of a
// channel. The sums are added to the records. See shared/norm.h.

#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require

#define SCALER_BINDING 4
#define SCALER_MARKS

#include "shared/norm.h"
#include "shared/step.h"
#include "lib/dropout.glsl"
#include "lib/reduce.glsl"
#include "lib/tensor.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = NORM_SPEC_LEAKY) const uint has_leaky = 0;
layout(constant_id = NORM_SPEC_DROPOUT) const uint has_dropout = 0;

layout(push_constant) uniform Push { norm_params p; };
TENSOR_READ(0, dy)
TENSOR_READ(1, x)
layout(binding = 2) buffer Record { STORE record[]; };
TENSOR(3, dx)
layout(binding = 5) uniform Step { step_block s; };

// What arrives at the output of the normalisation itself: `centred` is x - mean.
float incoming(float d, float centred, float factor, float shift, uint element)
{
    if (has_dropout != 0)
        d = dropout_keeps(element, p.stream, p.threshold, s) ? d * p.factor : 0.0;
    if (has_leaky != 0)
        d = centred * factor + shift > 0.0 ? d : d * p.slope;
    return d;
}

void main()
{
    uint group = gl_WorkGroupID.y * p.row + gl_WorkGroupID.x;
    if (group >= p.groups)
        return;
    uint c = group % p.channels;
    float inverse_count = 1.0 / float(p.runs * p.run);

    for (uint section = 0; section < p.sections; section++) {
        uint n0 = (group / p.channels + section) * p.runs;
        uint r = (group + section * p.channels) * NORM_RECORD;
        float mean = record[r + NORM_MEAN];
        float rstd = record[r + NORM_RSTD];
        float factor = record[r + NORM_FACTOR];
        float shift = record[r + NORM_SHIFT];

        vec2 sums = vec2(0.0);
        for (uint n = n0; n < n0 + p.runs; n++) {
            uint from = p.x.offset + n * p.x.stride + c * p.run;
            uint out_ = p.y.offset + n * p.y.stride + c * p.run;
            uint element = p.first + (n * p.channels + c) * p.run;
            REDUCE_EACH(k, p.run, float centred = x_at(from + k) - mean;
                        float d = incoming(dy_at(out_ + k), centred, factor, shift,
                                           element + k);
                        sums += vec2(d, d * (centred * rstd)))
        }
        sums = workgroup_sum(sums);
        if (gl_LocalInvocationIndex == 0) {
            record[r + NORM_DY] = sums.x;
            record[r + NORM_DY_XHAT] = sums.y;
        }
        sums *= inverse_count;

        for (uint n = n0; n < n0 + p.runs; n++) {
            uint from = p.x.offset + n * p.x.stride + c * p.run;
            uint out_ = p.y.offset + n * p.y.stride + c * p.run;
            uint to = p.dx.offset + n * p.dx.stride + c * p.run;
            uint element = p.first + (n * p.channels + c) * p.run;
            REDUCE_EACH(k, p.run, float centred = x_at(from + k) - mean;
                        float d = incoming(dy_at(out_ + k), centred, factor, shift,
                                           element + k);
                        d = factor * (d - (sums.x + centred * rstd * sums.y));
                        dx_set(to + k, p.accumulate != 0 ? dx_at(to + k) + d : d))
        }
    }
}
