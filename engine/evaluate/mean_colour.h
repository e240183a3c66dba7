// SPDX-License-Identifier: MIT
//
// The mean colour of training targets, a baseline that any model has to beat.

#ifndef EVALUATE_MEAN_COLOUR_H
#define EVALUATE_MEAN_COLOUR_H

#include "data/pairs.h"
#include "translate/conversion.h"

struct translator;

// A colour in samples of each kind.
struct mean_colour {
    double of[PIXEL_KINDS][PIXEL_MAX_CHANNELS];
};

// The mean of each channel over the targets of a list, that of `data`/train, as the
// model of `t` takes them; `colour` begins as zeros. Broken pairs are left out, and
// counted in a warning; what cannot be read for a reason that passes would make another
// mean. `counts` are of the targets, for the caller to report. False after a message.
bool mean_colour_find(const struct pair_list *list, const struct translator *t,
                      struct mean_colour *colour, struct conversions *counts);

#endif
