// SPDX-License-Identifier: MIT
//
// Medians and quartiles, because times on a shared machine have a long tail: a mean
// would report the neighbours. See measure.h.

#include "bench/measure.h"

#include "base/os.h"
#include "base/quantile.h"

#include <string.h>

// Shorter times than this are the clock's, not the device's.
#define LEAST_SECONDS 1e-9

double measure_net(const struct measure_clock *clock, double wall, double stamped,
                   uint32_t submissions)
{
    double net = clock->stamps && stamped >= 0 ? stamped
                                               : wall - submissions * clock->submission;
    return MAX(net, LEAST_SECONDS);
}

void measure_sum_up(double *seconds, uint32_t count, struct measurement *out)
{
    quantile_sort(seconds, count);
    *out = (struct measurement){
        .samples = count,
        .median = quantile_find(seconds, count, 0.5),
        .low = quantile_find(seconds, count, 0.25),
        .high = quantile_find(seconds, count, 0.75),
    };
}

bool measure_turns(struct measure_turn *turns, size_t count, double aim)
{
    double sorted[MEASURE_MOST], ignored;
    uint32_t taken = 0;
    // Drivers compile, caches fill and clocks rise in the first run.
    for (size_t i = 0; i < count; i++)
        if (!turns[i].once(turns[i].user, &ignored))
            return false;
    double start = os_seconds();
    while (taken < MEASURE_LEAST ||
           (taken < MEASURE_MOST && os_seconds() - start < aim * (double)count)) {
        for (size_t i = 0; i < count; i++)
            if (!turns[i].once(turns[i].user, &turns[i].seconds[taken]))
                return false;
        taken++;
    }
    for (size_t i = 0; i < count; i++) {
        memcpy(sorted, turns[i].seconds, taken * sizeof(sorted[0]));
        measure_sum_up(sorted, taken, &turns[i].result);
    }
    return true;
}

bool measure_run(bool (*once)(void *user, double *seconds), void *user, double aim,
                 struct measurement *out)
{
    struct measure_turn turn = { .once = once, .user = user };
    if (!measure_turns(&turn, 1, aim))
        return false;
    *out = turn.result;
    return true;
}
