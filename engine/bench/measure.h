// SPDX-License-Identifier: MIT
//
// How everything in the benchmark is timed: one run that does not count, then runs
// until enough time has passed, at least 3 and at most 30; of their times the median
// and the quartiles.

#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include "base/base.h"

#define MEASURE_LEAST 3
#define MEASURE_MOST 30

// Where times come from: the device's timestamps, or the host's clock less what an
// empty submission takes.
struct measure_clock {
    bool stamps;          // the device's timestamps can be trusted
    double submission;    // an empty one by the host's clock, seconds
};

// Seconds of some work by a clock: `wall` by the host's, `stamped` by timestamps
// (negative: none) over a number of submissions.
double measure_net(const struct measure_clock *clock, double wall, double stamped,
                   uint32_t submissions);

struct measurement {
    uint32_t samples;
    double median, low, high;    // seconds; low and high are the quartiles
};

// Sorts the samples.
void measure_sum_up(double *seconds, uint32_t count, struct measurement *out);

// Runs `once` by the rule above until `aim` seconds have passed. False when it fails.
bool measure_run(bool (*once)(void *user, double *seconds), void *user, double aim,
                 struct measurement *out);

#endif
