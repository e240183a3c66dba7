// SPDX-License-Identifier: MIT
//
// Where the images of a run come from, and which of them are a split: a folder that is
// laid out by splits (data_folder.h), a list (pair_table.h), or either divided by a
// ratio (split_ratio.h).

#ifndef DATA_DATA_SOURCE_H
#define DATA_DATA_SOURCE_H

#include "data/data_folder.h"
#include "data/split_ratio.h"

// The texts are the caller's.
struct data_source {
    const char *data;    // a folder; NULL: `list` is given
    const char *list;    // a CSV file
    // Of a folder: without splits, whose images are divided. Of a list: of the rows
    // that name no split. Not set: these are for training.
    struct split_ratio ratio;
    enum data_files files;
};

// The folder or the list, for messages.
static inline const char *data_source_path(const struct data_source *source)
{
    return source->list ? source->list : source->data;
}

// Sets whether there is a split: a folder of it, or a share of the ratio, or a row in
// the list. False after a message.
bool data_source_has(const struct data_source *source, const char *split, bool *has);

// Lists the pairs of a split, see data_folder_list. Of what is divided, what is odd is
// said where the split is "train", which everybody lists once.
bool data_source_list(const struct data_source *source, const char *split,
                      struct pair_list *list);

// Calls `visit` with the path of each image in the folders of train, val and test, in a
// folder that is divided, or in a list, and with that of the list. `visit` returns
// false to stop. False then, or after a message.
bool data_source_visit(const struct data_source *source,
                       bool (*visit)(void *user, const char *path), void *user);

#endif
