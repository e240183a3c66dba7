// SPDX-License-Identifier: MIT
//
// All pairs of a data set, whichever split they are in, for commands that look at the
// set itself. Nothing of it is changed.

#ifndef DATASET_SURVEY_H
#define DATASET_SURVEY_H

#include "base/progress.h"
#include "data/data_source.h"
#include "data/picture.h"

struct survey_item {
    const struct pair_file *file;
    const char *split;    // "train", "val", "test"; "" where there are none
};

struct survey {
    struct data_source source;
    struct picture_reading reading;
    struct progress_view view;
    uint32_t threads;    // 0: as many as there are cores
    bool is_whole;       // a folder without splits
    // What was listed, and the same as one list, by split.
    struct pair_list lists[SPLIT_COUNT];
    struct survey_item *items;
    size_t count;
};

// Lists the pairs of the split that the options name, or of all that there are. False
// after a message.
bool survey_open(struct survey *survey, const struct pix_dataset_options *options);
void survey_close(struct survey *survey);    // a zeroed one is fine

// Whether a file or folder that is to be written lies elsewhere than the folder of the
// data set. False after a message.
bool survey_check_outside(const struct survey *survey, const char *path);

// Reads a pair as its files have it: A and B, of which B is empty where files are
// single images. On failure neither is there, and *culprit is the file that the reason
// is about.
bool survey_read(const struct survey *survey, size_t item, struct picture *a,
                 struct picture *b, const char **culprit, struct reason *reason);

// The path of a side, which is that of A where both are in one file.
const char *survey_path(const struct survey *survey, size_t item, bool is_b);

// Calls run(user, i) for each item by several threads, and shows how far it is.
void survey_run(const struct survey *survey, const char *what,
                void (*run)(void *user, size_t item), void *user);

#endif
