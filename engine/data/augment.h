// SPDX-License-Identifier: MIT
//
// Augmentation: what may happen to a sample beyond crop and mirror, and what happens to
// one. Turns, flips and scales are the same on both sides of a pair; brightness,
// contrast and noise are the input's alone. Kernels do it (shared/pixels.h); here are
// the numbers that they take.

#ifndef DATA_AUGMENT_H
#define DATA_AUGMENT_H

#include "base/base.h"
#include "data/size.h"

// Zeroed: nothing.
struct augment {
    bool turns;       // by 0, 90, 180 or 270 degrees; by 0 or 180 where crops are not
                      // square
    bool flips;       // top and bottom are exchanged with probability 1/2
    double scale;     // by factors of 1 - scale to 1 + scale, below 1
    double aspect;    // the ratio of factors in width and height: 1 / (1 + aspect) to
                      // 1 + aspect, uniform in its logarithm
    double brightness;    // up to this part of the range is added or taken
    double contrast;      // factors of 1 - contrast to 1 + contrast, around its middle
    double noise;         // standard deviation, of 255 levels between its ends
};

bool augment_scales(const struct augment *a);
bool augment_touches(const struct augment *a);    // values of inputs
bool augment_is_set(const struct augment *a);

// The smallest factor by which a crop of the load size can be scaled, both sides alike,
// without showing what is beyond its edges: 1 or less.
double augment_least_scale(struct pix_size load, struct pix_size crop);

// Random numbers of a sample, whatever the options: [0, 1), and bits.
struct augment_draws {
    double turn, flip, scale, aspect, x, y, brightness, contrast;
    uint32_t key[2];    // of the noise
};

// What happens to a sample, by the letters of shared/pixels.h: the place of a pixel
// of the crop in the image of the load size, and its value in [-1, 1].
struct augment_sample {
    float matrix[4];    // a, b, c, d
    float place[2];     // e, f
    float gain, shift, noise;
    uint32_t key[2];
};

// The crop at crop_x, crop_y, mirrored or not, becomes one that is augmented as well. A
// crop that is scaled lies anywhere in the image; it is never larger than that, so
// factors are larger than asked for where they would have to be.
struct augment_sample augment_make(const struct augment *a,
                                   const struct augment_draws *draws,
                                   struct pix_size load, struct pix_size crop,
                                   uint32_t crop_x, uint32_t crop_y, bool mirror);

#endif
