// SPDX-License-Identifier: MIT
//
// Mean and variance of each channel over an image, from those of its pieces.

#ifndef TRANSLATE_TILE_STATISTICS_H
#define TRANSLATE_TILE_STATISTICS_H

#include "base/base.h"

struct tile_statistics {
    uint32_t channels;
    double count;                  // elements of a channel so far
    double *means, *deviations;    // the sums of squared differences from the means
    float *moments;    // scratch: mean and variance of a piece, [channels][2]
};

// Without elements. False after a message.
bool tile_statistics_init(struct tile_statistics *s, uint32_t channels);
void tile_statistics_finish(struct tile_statistics *s);    // a zeroed one is fine

// Adds the piece that `moments` is of, with so many elements a channel. The order of
// the pieces decides the rounding.
void tile_statistics_add(struct tile_statistics *s, double count);

// Mean and variance of channel c, rounded to floats.
float tile_statistics_mean(const struct tile_statistics *s, uint32_t c);
float tile_statistics_variance(const struct tile_statistics *s, uint32_t c);

#endif
