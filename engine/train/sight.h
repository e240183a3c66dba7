// SPDX-License-Identifier: MIT
//
// What a run sees of a few pairs and their outputs, small enough to be kept: how far
// the pixels of each are from their mean, and the means of its cells. See health.h.

#ifndef TRAIN_SIGHT_H
#define TRAIN_SIGHT_H

#include "data/picture.h"
#include "data/sheet.h"
#include "train/health.h"

#define SIGHT_IMAGES 8u
#define SIGHT_CHANNELS 3u    // the first ones
#define SIGHT_SIDE 8u        // cells

struct sight {
    uint32_t count;
    struct sight_print {
        double variance;    // of the pixels, mean over channels
        double cells[SIGHT_CHANNELS * SIGHT_SIDE * SIGHT_SIDE];
    } prints[SIGHT_IMAGES][SHEET_COLUMNS], before[SHEET_COLUMNS];
    bool has_before;
};

// Forgets what was seen, but for the last image if `goes_on`, with which the first of
// the next ones is compared.
void sight_begin(struct sight *s, bool goes_on);

// An image that is seen, below SIGHT_IMAGES, in the order of their numbers.
void sight_see(struct sight *s, uint32_t image, enum sheet_column column,
               const struct picture *picture);

struct health_look sight_look(const struct sight *s);

#endif
