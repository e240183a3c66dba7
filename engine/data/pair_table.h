// SPDX-License-Identifier: MIT
//
// Pairs that a CSV file lists (csv.h): the columns input, target and split. If the
// first record has one that is called "input", in any case, it says by its names which
// column is which, in any order, and other columns are left out with a word. Else the
// columns are these, of which the last ones may be missing. Without a target an image
// has both sides, or is one for a task, where a target is left out with a word. A split
// is train, val or test; none or an empty one is left to a ratio. Paths are relative to
// the folder of the file.

#ifndef DATA_PAIR_TABLE_H
#define DATA_PAIR_TABLE_H

#include "data/data_folder.h"
#include "data/split_ratio.h"

// `pairs` are named as in the table: "a/1.png".
struct pair_table {
    struct pair_list pairs;
    struct pair_row {
        uint64_t line;
        enum split split;    // SPLIT_COUNT: none is named
    } * rows;                // of each pair
};

// Reads the table, but not whether its files are there. `quiet` leaves out what is said
// of columns. False after a message.
bool pair_table_read(const char *path, enum data_files files, bool quiet,
                     struct pair_table *table);
void pair_table_free(struct pair_table *table);    // a zeroed one is fine

#endif
