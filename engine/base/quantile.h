// SPDX-License-Identifier: MIT
//
// Quantiles of numbers.

#ifndef BASE_QUANTILE_H
#define BASE_QUANTILE_H

#include <stddef.h>

// Sorts in rising order; no value is NaN.
void quantile_sort(double *values, size_t count);

// The value below which a share of the sorted ones lies, 0 to 1: between two of them in
// a straight line, as NumPy does by default. There is at least one.
double quantile_find(const double *sorted, size_t count, double share);

#endif
