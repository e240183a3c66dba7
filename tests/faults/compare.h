// SPDX-License-Identifier: MIT
//
// Folders of results, compared with those of a run in which nothing failed.

#ifndef FAULTS_COMPARE_H
#define FAULTS_COMPARE_H

#include "base/base.h"

struct comparison {
    const char *expected;    // the folder of the run in which nothing failed
    const char *before;      // that from which both runs started; NULL: nothing
    const char *found;       // the folder in question
    bool is_whole;           // all that is expected must be there
    // What is whole may lack samples, validations, lines of metrics.jsonl and
    // checkpoints but the last one, or have files of `before` that should have gone: a
    // warning has said so.
    bool is_excused;
    bool may_have_halves;    // a temporary file, or an unfinished line: it was cut off
};

// Compares byte by byte all files but locks; in lines of metrics.jsonl times do not
// count. False with the reason.
bool compare_folders(const struct comparison *c, char *reason, size_t size);

// The paths of all files in a folder, below it, sorted. Hidden ones count.
struct tree {
    char **paths;
    size_t count, capacity;
};

bool tree_read(const char *folder, struct tree *tree);
void tree_free(struct tree *tree);

bool tree_copy(const char *from, const char *to);
bool tree_copy_file(const char *from, const char *to);

#endif
