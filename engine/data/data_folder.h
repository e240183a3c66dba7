// SPDX-License-Identifier: MIT
//
// The layout of a data folder. A split is "train", "val" or "test". DATA/train holds
// either images with A on the left and B on the right, or folders A/ and B/ with files
// of equal stems, whose extensions may differ. Where there is no DATA/train,
// DATA/A/train and DATA/B/train are these folders.

#ifndef DATA_DATA_FOLDER_H
#define DATA_DATA_FOLDER_H

#include "data/pairs.h"

// Whether the folder of a split exists. Nothing is logged.
bool data_folder_has(const char *data, const char *split);

// Lists the pairs of a split, by name where they are in one folder, else by stem. Files
// without a partner are reported as warnings and skipped. False if there is no such
// folder or no pair in it, after a message that says what the folder should hold. The
// list is freed with pair_list_free.
bool data_folder_list(const char *data, const char *split, struct pair_list *list);

#endif
