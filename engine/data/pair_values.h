// SPDX-License-Identifier: MIT
//
// What is noticed about the samples of the pairs that a data set uses, counted: floats
// that a generator cannot produce, integers that use few of their bits, samples outside
// a range.

#ifndef DATA_PAIR_VALUES_H
#define DATA_PAIR_VALUES_H

#include "data/pairs.h"

// Starts zeroed.
struct pair_values {
    uint32_t pairs;
    uint32_t exceeding;    // targets with floats outside [-1, 1], and no range
    const char *first;     // the name of the first of these
    bool is_narrow;        // see struct picture; that has a warning of its own
    // Of the inputs [0] and the targets [1], see struct pair_notes.
    uint32_t largest[2];
    uint64_t outside[2], samples[2];
    // With samples that stand for no data; the first file of these, and its number.
    uint32_t lacking[2];
    const char *first_lacking[2];
    double no_data_number[2];
    bool numbers_differ[2];
    uint64_t no_data[2], all[2];
};

// Counts a pair that is used. The name is kept until the report.
void pair_values_add(struct pair_values *values, const char *name,
                     const struct pair_notes *notes);

// Says what was counted in the folder; the options are those that the pairs were read
// by.
void pair_values_report(const struct pair_values *values,
                        const struct pair_options *options, const char *folder);

#endif
