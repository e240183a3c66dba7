// SPDX-License-Identifier: MIT
//
// y = scale * (x - mean) / std + shift with the statistics of each group, then a leaky
// ReLU and dropout; one workgroup for the groups of a channel. Statistics in two passes.
// The second sums the differences from the first one's mean as well as their squares,
// which takes back the rounding of the first. See shared/norm.h.

#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require

#define SCALER_BINDING 4
#define SCALER_MARKS

#include "shared/norm.h"
#include "shared/step.h"
#include "lib/activation.glsl"
#include "lib/dropout.glsl"
#include "lib/finite.glsl"
#include "lib/reduce.glsl"
#include "lib/tensor.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = NORM_SPEC_AFFINE) const uint has_affine = 1;
layout(constant_id = NORM_SPEC_RUNNING) const uint has_running = 0;
layout(constant_id = NORM_SPEC_LEAKY) const uint has_leaky = 0;
layout(constant_id = NORM_SPEC_DROPOUT) const uint has_dropout = 0;

layout(push_constant) uniform Push { norm_params p; };
TENSOR_READ(0, x)
layout(binding = 1) buffer Weights { STORE weights[]; };
layout(binding = 2) writeonly buffer Record { STORE record[]; };
TENSOR_WRITE(3, y)
layout(binding = 5) uniform Step { step_block s; };

// Whether running statistics follow these. Not where an activation in f16 has overflowed:
// the update is left out then (shared/scaler.h), and they would never be finite again.
bool is_followed(float mean, float variance)
{
#ifdef PIX_16BIT
    if (format_of(0) == FORMAT_F16 && !(is_finite(mean) && is_finite(variance)))
        return false;
#endif
    return has_running != 0;
}

void main()
{
    // Rows of workgroups: there may be more groups than one row holds.
    uint group = gl_WorkGroupID.y * p.row + gl_WorkGroupID.x;
    if (group >= p.groups)
        return;
    uint c = group % p.channels;
    float inverse_count = 1.0 / float(p.runs * p.run);

    for (uint section = 0; section < p.sections; section++) {
        // Instance norm has one section a workgroup, batch norm all of a channel.
        uint n0 = (group / p.channels + section) * p.runs;
        float sum = 0.0;
        for (uint n = n0; n < n0 + p.runs; n++) {
            uint first = p.x.offset + n * p.x.stride + c * p.run;
            REDUCE_EACH(k, p.run, sum += x_at(first + k))
        }
        float mean = workgroup_sum(vec2(sum, 0.0)).x * inverse_count;

        vec2 sums = vec2(0.0);
        for (uint n = n0; n < n0 + p.runs; n++) {
            uint first = p.x.offset + n * p.x.stride + c * p.run;
            REDUCE_EACH(k, p.run, float d = x_at(first + k) - mean; sums += vec2(d, d * d))
        }
        sums = workgroup_sum(sums) * inverse_count;
        mean += sums.x;
        float variance = max(sums.y - sums.x * sums.x, 0.0);
        float rstd = 1.0 / sqrt(variance + p.epsilon);
        float factor = has_affine != 0 ? weights[c] * rstd : rstd;
        float shift = has_affine != 0 ? weights[p.shift + c] : 0.0;

        if (gl_LocalInvocationIndex == 0) {
            uint r = (group + section * p.channels) * NORM_RECORD;
            record[r + NORM_MEAN] = mean;
            record[r + NORM_RSTD] = rstd;
            record[r + NORM_FACTOR] = factor;
            record[r + NORM_SHIFT] = shift;
            if (is_followed(mean, variance)) {
                float running = weights[p.mean + c];
                running += p.momentum * (mean - running);
                weights[p.mean + c] = running;
                if (!is_finite(running))
                    weights[p.mean + p.flag] = FLAG_NOT_FINITE;
                running = weights[p.variance + c];
                running += p.momentum * (variance * p.unbiased - running);
                weights[p.variance + c] = running;
                if (!is_finite(running))
                    weights[p.variance + p.flag] = FLAG_NOT_FINITE;
            }
        }

        for (uint n = n0; n < n0 + p.runs; n++) {
            uint from = p.x.offset + n * p.x.stride + c * p.run;
            uint to = p.y.offset + n * p.y.stride + c * p.run;
            uint element = p.first + (n * p.channels + c) * p.run;
            REDUCE_EACH(k, p.run, float v = (x_at(from + k) - mean) * factor + shift;
                        if (has_leaky != 0) v = activation_leaky(v, p.slope);
                        if (has_dropout != 0)
                            v = dropout_keeps(element + k, p.stream, p.threshold, s)
                                    ? v * p.factor
                                    : 0.0;
                        y_set(to + k, v))
        }
    }
}
