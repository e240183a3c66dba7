// SPDX-License-Identifier: MIT
//
// What the scores of many images say together.

#ifndef EVALUATE_STATISTICS_H
#define EVALUATE_STATISTICS_H

#include "pix2pix.h"

#include <stddef.h>

// Of `count` values, of which those that are NaN do not count and infinite ones are
// counted apart. The interval is that of the mean, by the percentile bootstrap (Efron
// and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13) with 2000
// resamples, fewer for more than 10,000 values, and a fixed seed: the same values give
// the same numbers. False without memory, after a message.
bool statistics_find(const double *values, size_t count, struct pix_statistics *out);

#endif
