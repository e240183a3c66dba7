// SPDX-License-Identifier: MIT
//
// Normalisation over groups of elements.
//
//     mean, variance   of the group, the variance divided by count
//     xhat = (x - mean) * rstd              rstd = 1 / sqrt(variance + epsilon)
//     y = scale * xhat + shift
//
//     dscale = sum dy * xhat                dshift = sum dy
//     dx = scale * rstd * (dy - (dshift + xhat * dscale) / count)
//
// A group has statistics of its own: a channel of a section of the samples
// (batch norm; a section is all samples, or one of several batches that are normalised
// apart although they are one tensor), or a channel of one sample (instance norm).
//
// In the same pass y may go through a leaky ReLU, then through dropout
// (shared/dropout.h, with the element's index in the tensor, from `first` on).
//
// With fixed statistics, which are the running ones, no element depends on another
// (norm_fixed). That has no backward pass: it serves translation only. Images that
// follow each other may take statistics that follow theirs (norm_follow), in front of
// that:
//
//     mean     = keep * mean + (1 - keep) * m
//     variance = keep * variance + (1 - keep) * v + keep * (1 - keep) * (m - mean)^2
//
// with m and v of the image and the mean of before: those of all images, each with
// `keep` times the weight of the one after it.
//
// Forward writes one record for each group, to which backward adds its sums. It holds
// mean and factor, not factor and offset = shift - mean * factor: with a large mean and
// a small variance x * factor and the offset would cancel.

#ifndef SHARED_NORM_H
#define SHARED_NORM_H

#include "shared/adam.h"
#include "shared/base.h"
#include "shared/reduce.h"

#define NORM_SPEC_AFFINE 1     // there are scale and shift
#define NORM_SPEC_RUNNING 2    // forward: running statistics follow
#define NORM_SPEC_LEAKY 3
#define NORM_SPEC_DROPOUT 4

// Record, floats
#define NORM_MEAN 0
#define NORM_RSTD 1
#define NORM_FACTOR 2    // scale * rstd
#define NORM_SHIFT 3
#define NORM_DY 4         // backward: sum dy
#define NORM_DY_XHAT 5    // backward: sum dy * xhat
#define NORM_RECORD 6

// norm_forward and norm_backward: one workgroup for each channel (batch) or each
// channel of each sample (instance), in rows of `row` workgroups.
struct norm_params {
    uint groups;    // workgroups
    uint channels;
    uint sections;    // of a workgroup, one after the other
    uint runs;        // samples of a section
    uint run;         // elements of a channel of a sample, h * w
    uint row;
    STRUCT(view) x, y;    // of x and dx; of y and dy
    STRUCT(view) dx;      // backward only
    float slope;
    uint threshold, stream, first;    // of dropout
    float factor;
    float epsilon;     // forward
    float momentum;    // forward: running = (1 - momentum) running + momentum batch,
    float unbiased;    // with the variance times this, count / (count - 1)
    uint shift, mean, variance;    // forward: where they begin, the scale at 0
    uint flag;                     // forward: from a running statistic to its flag
    uint accumulate;               // backward: 1 adds to dx, 0 overwrites it
};

// norm_fixed: one invocation for each element.
struct norm_fixed_params {
    uint count;
    uint stride;    // invocations of the grid
    uint channels;
    uint run;    // elements of a channel of a sample, h * w
    STRUCT(view) x, y;
    float slope;
    uint threshold, stream, first;    // of dropout
    float factor;
    float epsilon;
    uint shift, mean, variance;    // where they begin, the scale at 0
};

// norm_follow: one invocation for each channel. In step 1 there is nothing to keep.
struct norm_follow_params {
    uint channels;
    uint stride;
    float keep;
    uint mean, variance;    // where they begin
};

// norm_backward_affine and norm_update: one invocation for each channel, over its
// groups.
struct norm_affine_params {
    uint channels;
    uint stride;
    uint groups;                                // of a channel
    uint accumulate_scale, accumulate_shift;    // norm_backward_affine
    // norm_update: where value, m, v and flag begin, those of the scale and those of
    // the shift, which lie `shift` elements behind
    uint part, shift;
    STRUCT(adam_rule) adam;
};

#endif
