// SPDX-License-Identifier: MIT
//
// The tuner: times the variants of convolutions on a device. For each shape the most
// promising ones by their cost run on random numbers. One whose result is not that of
// the simple kernel is never chosen; the built-in choice stays unless another variant
// is clearly faster.

#ifndef PROGRAM_TUNE_H
#define PROGRAM_TUNE_H

#include "ops/conv_variant.h"

struct gpu_device;

struct tune_result {
    struct conv_shape shape;
    uint64_t flops;
    const struct conv_variant *built_in, *chosen;
    bool timed;    // else time or memory did not suffice, and `chosen` is `built_in`
    double built_in_seconds, chosen_seconds;    // of one call, medians
};

struct tune_options {
    double submission_seconds;
    double seconds;    // after these nothing new is begun; 0: no limit
    // For tests: variants that are tried before those of the table.
    const struct conv_variant *more;
    size_t more_count;
    // Called after each shape; false ends the tuning. May be NULL.
    bool (*report)(void *user, const struct tune_result *result, size_t done,
                   size_t count);
    void *user;
};

// Fills results[0 .. count - 1] in the order of the shapes; the large ones are timed
// first. False after a failure of the device, or where `report` ended it; the results
// so far hold. A device that executes nothing gets the built-in choice for all.
bool tune_run(struct gpu_device *device, const struct conv_shape *shapes, size_t count,
              const struct tune_options *options, struct tune_result *results);

#endif
