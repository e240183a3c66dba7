// SPDX-License-Identifier: MIT
//
// The parts of a data set, and how images are divided among them by a ratio: by a hash
// of their names, so that an image stays where it is when others come or go.

#ifndef DATA_SPLIT_RATIO_H
#define DATA_SPLIT_RATIO_H

#include "base/base.h"

enum split { SPLIT_TRAIN, SPLIT_VAL, SPLIT_TEST, SPLIT_COUNT };

const char *split_name(enum split split);
bool split_find(const char *name, enum split *split);

// Shares that add up to 1. Zeros: no ratio.
struct split_ratio {
    double shares[SPLIT_COUNT];
};

static inline bool split_ratio_is_set(const struct split_ratio *ratio)
{
    return ratio->shares[SPLIT_TRAIN] + ratio->shares[SPLIT_VAL] +
               ratio->shares[SPLIT_TEST] >
           0;
}

// Reads "0.8:0.1:0.1" or "8:1:1": train, val, test. False for other texts, and where
// all are 0 or one is negative.
bool split_ratio_parse(const char *text, struct split_ratio *ratio);

// The split of an image: its name without extension in normal form (stem_make_key), of
// which XXH3 with 64 bits and seed 0, divided by 2^64, is a number from 0 to 1. Below
// the first share it is train, then val, then test. False without memory.
bool split_ratio_find(const struct split_ratio *ratio, const char *name,
                      enum split *split);

#endif
