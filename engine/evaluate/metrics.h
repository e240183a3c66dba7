// SPDX-License-Identifier: MIT
//
// How far a picture is from its target, on the host in doubles. Values of every kind
// are compared in the range of the networks, [-1, 1]: L1 is between 0 and 2.

#ifndef EVALUATE_METRICS_H
#define EVALUATE_METRICS_H

#include "data/picture.h"

// Mean absolute difference over all samples. Both are of one kind, [c, h, w].
double metrics_l1(const struct picture *x, const struct picture *y);

// L1 of the input taken as the output, converted to the target's kind. NaN where their
// numbers of channels differ. False only without memory, after a message.
bool metrics_l1_of_input(const struct picture *input, const struct picture *target,
                         double *l1);

// A sample of a kind in the range of the networks, and back; not rounded.
double metrics_to_range(enum pixel_kind kind, double sample);
double metrics_from_range(enum pixel_kind kind, double value);

// L1 of a flat picture. `colour` has a value for each channel, in samples of the
// target's kind.
double metrics_l1_of_colour(const double *colour, const struct picture *target);

// Adds the sum of each channel's samples to sums[channel], in samples of its kind.
void metrics_add_sums(const struct picture *picture, double *sums);

#endif
