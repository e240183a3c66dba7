// SPDX-License-Identifier: MIT
//
// The range that the samples of inputs or targets have: what lies between two
// percentiles, so that a few hot pixels do not decide it. One range for all channels of
// a side: the networks see colours and bands beside each other, and their proportions
// stay.

#ifndef DATA_SIDE_RANGE_H
#define DATA_SIDE_RANGE_H

#include "data/pairs.h"

// The share of the samples that lie below the range, and above it.
#define SIDE_RANGE_SHARE 0.001

struct side_range {
    bool wanted;                 // in
    struct pixel_range range;    // of whole numbers for integers
    uint32_t images;             // that were looked at; 0: there is no range
    uint64_t samples;
    bool is_flat;    // all samples are range.low: there is no range either
};

// Finds the ranges of the sides that are wanted, of the input [0] and the target [1],
// as their files have them: from at most 256 of the first `count` pairs and some
// million samples, both evenly spread. The result depends on the files alone. The
// options have kinds; pairs of other kinds and broken ones are left out. False, with
// the culprit and the reason, which the list and the caller own, where a pair cannot be
// read for a reason that passes (base/reason.h), memory included.
bool side_range_find(const struct pair_list *list, size_t count,
                     const struct pair_options *options, struct side_range sides[2],
                     const char **culprit, struct reason *reason);

#endif
