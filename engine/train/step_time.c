// SPDX-License-Identifier: MIT
//
// See step_time.h.

#include "train/step_time.h"

double step_time_add(struct step_time *t, double seconds)
{
    if (t->count++ == 0)
        return seconds;
    const uint64_t added = t->count - 1;
    const uint64_t used = MIN(added, (uint64_t)STEP_TIME_STEPS);
    double sum = 0;
    t->seconds[(added - 1) % STEP_TIME_STEPS] = seconds;
    for (uint64_t i = 0; i < used; i++)
        sum += t->seconds[i];
    return sum / (double)used;
}
