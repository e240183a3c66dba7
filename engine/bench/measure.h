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

// Of several that are to be compared.
struct measure_turn {
    bool (*once)(void *user, double *seconds);
    void *user;
    double seconds[MEASURE_MOST];    // the samples, in the order of their runs
    struct measurement result;
};

// Sorts the samples.
void measure_sum_up(double *seconds, uint32_t count, struct measurement *out);

// Runs each by the rule above, in turns: each runs once before any runs again, so that
// what disturbs one disturbs all. `aim`: seconds for each. False when one fails.
bool measure_turns(struct measure_turn *turns, size_t count, double aim);

// The same of a single one.
bool measure_run(bool (*once)(void *user, double *seconds), void *user, double aim,
                 struct measurement *out);

#endif
