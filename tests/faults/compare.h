// SPDX-License-Identifier: MIT
//
// Folders of results, compared with those of a run in which nothing failed.

#ifndef FAULTS_COMPARE_H
#define FAULTS_COMPARE_H

#include "base/base.h"
#include "faults/excuse.h"

struct comparison {
    const char *expected;    // the folder of the run in which nothing failed
    const char *before;      // that from which both runs started; NULL: nothing
    const char *found;       // the folder in question
    // All that is expected must be there, but for what is excused. Otherwise the run
    // has ended early: what comes before its last line of metrics must be there.
    bool is_whole;
    bool is_continued;       // since the messages that excuse something
    bool may_have_halves;    // a temporary file, or an unfinished line: it was cut off
    uint32_t keep;           // checkpoints that make room for an older one
    const struct excuses *excuses;
};

// Compares byte by byte all files but locks; in lines of metrics.jsonl times do not
// count. False with the reason.
bool compare_folders(const struct comparison *c, char *reason, size_t size);

// A hash of the names in a folder, and of which lines metrics.jsonl has: where all
// files are known to be good, it stands for what a run does that is continued there.
uint64_t compare_state(const char *folder);

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
