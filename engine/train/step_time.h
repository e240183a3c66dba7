// SPDX-License-Identifier: MIT
//
// The wall time of a step, as a mean of the last ones. Two steps are under way at a
// time, and the host may come to look late: then the first seems to take as long as
// both, and the second no time at all.

#ifndef TRAIN_STEP_TIME_H
#define TRAIN_STEP_TIME_H

#include "base/base.h"

#define STEP_TIME_STEPS 8u

// Starts zeroed.
struct step_time {
    uint64_t count;    // of steps so far
    double seconds[STEP_TIME_STEPS];
};

// Adds the time from the end of a step, as it was seen, to that of the next one, and
// returns the mean of the last ones. The first of all steps prepares the device: its
// time is returned, but is no part of a mean.
double step_time_add(struct step_time *t, double seconds);

#endif
