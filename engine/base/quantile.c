// SPDX-License-Identifier: MIT
//
// See quantile.h.

#include "base/quantile.h"

#include "base/base.h"

#include <stdlib.h>

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void quantile_sort(double *values, size_t count)
{
    if (count > 1)
        qsort(values, count, sizeof(values[0]), by_value);
}

double quantile_find(const double *sorted, size_t count, double share)
{
    const double at = share * (double)(count - 1);
    const size_t below = (size_t)at, above = MIN(below + 1, count - 1);
    return sorted[below] + (at - (double)below) * (sorted[above] - sorted[below]);
}
