// SPDX-License-Identifier: MIT
//
// Normalisation over a group of elements: those of one channel (batch norm), or of one
// channel of one sample (instance norm).
//
//     mean, variance   of the group, the variance divided by count
//     xhat = (x - mean) * rstd              rstd = 1 / sqrt(variance + epsilon)
//     y = scale * xhat + shift
//
//     dscale = sum dy * xhat                dshift = sum dy
//     dx = scale * rstd * (dy - (dshift + xhat * dscale) / count)
//
// Batch norm's group holds n runs of h * w elements, instance norm's one run; in both
// cases run i of group g starts at (g + i * groups) * h * w.
//
// Forward leaves one record for each group, backward has one of its own. The mean is
// kept apart from the factor, rather than folded into an offset: with a large mean and
// a small variance the two products would cancel.

#ifndef SHARED_NORM_H
#define SHARED_NORM_H

#include "shared/base.h"
#include "shared/reduce.h"

#define NORM_SPEC_AFFINE 1    // norm_statistics: there are scale and shift

// Record of forward, floats
#define NORM_MEAN 0
#define NORM_RSTD 1
#define NORM_FACTOR 2    // scale * rstd
#define NORM_SHIFT 3
#define NORM_VARIANCE 4
#define NORM_RECORD 5

// Record of backward
#define NORM_BACKWARD_MEAN 0
#define NORM_BACKWARD_RSTD 1
#define NORM_BACKWARD_FACTOR 2
#define NORM_BACKWARD_DY 3         // sum dy
#define NORM_BACKWARD_DY_XHAT 4    // sum dy * xhat
#define NORM_BACKWARD_RECORD 5

// norm_statistics and norm_backward_statistics: one workgroup for each group, in rows
// of `row` workgroups.
struct norm_statistics_params {
    uint groups;
    uint channels;    // groups are counted through samples: channel = group % channels
    uint runs;        // of a group
    uint run;         // elements of a run, h * w
    uint row;
    float epsilon;    // forward only
};

// norm_forward and norm_backward
struct norm_params {
    uint count;     // elements
    uint stride;    // invocations of the grid
    uint groups;
    uint run;
    float inverse_count;    // backward: 1 / elements of a group
    uint accumulate;        // backward: 1 adds to dx, 0 overwrites it
};

// norm_running and norm_backward_affine: one invocation for each channel, over the
// samples of its groups.
struct norm_channel_params {
    uint channels;
    uint stride;
    uint samples;      // groups of a channel: n for instance norm, else 1
    float momentum;    // of running statistics
    float unbiased;    // count / (count - 1), or 1 for a count of 1
    uint accumulate_scale, accumulate_shift;    // affine
};

#endif
