// SPDX-License-Identifier: MIT
//
// Chan, Golub and LeVeque 1979, "Updating formulae and a pairwise algorithm for
// computing sample variances", equations 2.1: means and sums of squared differences of
// two sets give those of both, without the cancellation of sums of squares. See
// tile_statistics.h.

#include "translate/tile_statistics.h"

#include "base/mem.h"
#include "shared/moments.h"

bool tile_statistics_init(struct tile_statistics *s, uint32_t channels)
{
    *s = (struct tile_statistics){
        .channels = channels,
        .means = mem_array(channels, sizeof(*s->means)),
        .deviations = mem_array(channels, sizeof(*s->deviations)),
        .moments = mem_array(channels, MOMENTS * sizeof(*s->moments)),
    };
    if (s->means && s->deviations && s->moments)
        return true;
    tile_statistics_finish(s);
    return false;
}

void tile_statistics_finish(struct tile_statistics *s)
{
    mem_free(s->means);
    mem_free(s->deviations);
    mem_free(s->moments);
    *s = (struct tile_statistics){ 0 };
}

void tile_statistics_add(struct tile_statistics *s, double count)
{
    const double all = s->count + count;
    for (uint32_t c = 0; c < s->channels; c++) {
        const float *piece = s->moments + (size_t)c * MOMENTS;
        const double difference = (double)piece[MOMENTS_MEAN] - s->means[c];
        s->means[c] += difference * count / all;
        s->deviations[c] += (double)piece[MOMENTS_VARIANCE] * count +
                            difference * difference * s->count * count / all;
    }
    s->count = all;
}

float tile_statistics_mean(const struct tile_statistics *s, uint32_t c)
{
    return (float)s->means[c];
}

float tile_statistics_variance(const struct tile_statistics *s, uint32_t c)
{
    return (float)(s->deviations[c] / s->count);
}
