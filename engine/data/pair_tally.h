// SPDX-License-Identifier: MIT
//
// What is noticed about the pairs of a data set while they are read, counted, so that
// it is one warning with a number and an example, not one for each file.

#ifndef DATA_PAIR_TALLY_H
#define DATA_PAIR_TALLY_H

#include "data/pairs.h"

struct pair_tally {
    // How the pairs are read; set by the caller.
    enum alpha_rule alpha;
    enum task_kind task;
    uint32_t total;    // pairs looked at, or images of a task
    struct pair_notice {
        uint32_t count;
        struct pair_notes first;
        const char *path;    // of the first one's file
    } narrow, enlarged, transparent, halves, sides, padded, cut, input_kind,
        target_kind, channels[2], repeated[2], greyed[2],
        strange[2];    // of the input and the target
    uint32_t
        exchanged;    // of `sides`: width and height of A are height and width of B
    uint64_t label_pixels[2], strange_pixels[2];    // of label maps, see pairs.h
    struct file_tally files;
};

// Counts a pair that was read, or refused. The first call of a kind decides on the
// example, so the calls come in the order of the pairs. Paths are kept: the files live
// until the report.
void pair_tally_add(struct pair_tally *tally, const struct pair_file *file,
                    const struct pair_notes *notes);

// Warns of what was counted.
void pair_tally_report(const struct pair_tally *tally);

#endif
