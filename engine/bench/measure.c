// SPDX-License-Identifier: MIT
//
// Medians and quartiles, because times on a shared machine have a long tail: a mean
// would report the neighbours. See measure.h.

#include "bench/measure.h"

#include "base/os.h"
#include "base/quantile.h"

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

bool measure_run(bool (*once)(void *user, double *seconds), void *user, double aim,
                 struct measurement *out)
{
    double seconds[MEASURE_MOST], ignored;
    uint32_t count = 0;
    // Drivers compile, caches fill and clocks rise in the first run.
    if (!once(user, &ignored))
        return false;
    double start = os_seconds();
    while (count < MEASURE_LEAST ||
           (count < MEASURE_MOST && os_seconds() - start < aim)) {
        if (!once(user, &seconds[count]))
            return false;
        count++;
    }
    measure_sum_up(seconds, count, out);
    return true;
}
