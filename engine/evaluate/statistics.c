// SPDX-License-Identifier: MIT
//
// See statistics.h.

#include "evaluate/statistics.h"

#include "base/base.h"
#include "base/mem.h"
#include "base/quantile.h"
#include "base/random.h"

#include <math.h>

enum { RESAMPLES = 2000, RESAMPLES_LEAST = 200 };

#define DRAWS ((size_t)20000000)    // of all resamples together

static double mean_of(const double *values, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += values[i];
    return sum / (double)count;
}

static double deviation_of(const double *values, size_t count, double mean)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += (values[i] - mean) * (values[i] - mean);
    return sqrt(sum / (double)(count - 1));
}

// The means of samples with replacement.
static void resample(const double *values, uint32_t count, double *means,
                     size_t resamples)
{
    struct random random;
    random_init(&random, 1, 0);
    for (size_t i = 0; i < resamples; i++) {
        double sum = 0;
        for (uint32_t k = 0; k < count; k++)
            sum += values[random_below(&random, count)];
        means[i] = sum / count;
    }
}

bool statistics_find(const double *values, size_t count, struct pix_statistics *out)
{
    const size_t resamples =
        MAX(MIN(DRAWS / MAX(count, 1), RESAMPLES), (size_t)RESAMPLES_LEAST);
    double *finite = mem_array(count + resamples, sizeof(double));
    *out = (struct pix_statistics){
        .mean = NAN, .median = NAN, .deviation = NAN, .low = NAN, .high = NAN
    };
    if (!finite)
        return false;
    for (size_t i = 0; i < count; i++)
        if (isfinite(values[i]))
            finite[out->count++] = values[i];
        else
            out->infinite += isinf(values[i]) != 0;
    if (out->count > 0) {
        out->mean = mean_of(finite, out->count);
        if (out->count > 1) {
            double *means = finite + count;
            out->deviation = deviation_of(finite, out->count, out->mean);
            resample(finite, out->count, means, resamples);
            quantile_sort(means, resamples);
            out->low = quantile_find(means, resamples, 0.025);
            out->high = quantile_find(means, resamples, 0.975);
        }
        quantile_sort(finite, out->count);
        out->median = quantile_find(finite, out->count, 0.5);
    }
    mem_free(finite);
    return true;
}
