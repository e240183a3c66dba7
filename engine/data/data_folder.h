// SPDX-License-Identifier: MIT
//
// The layout of a data folder. A split is "train", "val" or "test". Its pairs are in
// one of these places, here for "train":
//
//     DATA/train                     images with A on the left and B on the right
//     DATA/train/A, DATA/train/B     files of equal names, whose extensions may differ
//     DATA/A/train, DATA/B/train     the same
//     DATA/trainA, DATA/trainB       the same, if most names are in both
//     DATA/train_A, DATA/train_B     the same
//     DATA/A_train, DATA/B_train     the same
//     DATA/train/*                   folders of images with A and B, if no other place
//                                    has pairs
//
// Without a split the folder itself has the pairs: in DATA, in DATA/A and DATA/B, or in
// the folders of DATA.
//
// That with the most pairs is used, of equal ones the first in this list, but two
// folders before one. trainA and trainB are the unpaired layout of the PyTorch port:
// where less than half of the files of a side have a partner, they are not taken for
// pairs; images of kinds that are not read are partners. Two folders in DATA/train
// whose files mostly have partners in the other are refused: they are sides of pairs.

#ifndef DATA_DATA_FOLDER_H
#define DATA_DATA_FOLDER_H

#include "data/pairs.h"

// What the files of a split are.
enum data_files {
    DATA_PAIRS,
    // Images of which a task makes both sides (task.h): DATA/train, or the folders in
    // it.
    DATA_IMAGES,
};

// Sets whether there is any of the folders of a split. If not, data_folder_list fails.
// False after a message if that cannot be found out; then *has is false.
bool data_folder_has(const char *data, const char *split, bool *has);

// Whether it has one for train, val or test.
bool data_folder_is_split(const char *data, bool *is_split);

// Lists the pairs of a split, by name where they are in one folder, else by stem. Warns
// of files that are left out, with numbers and examples, and of other places that hold
// files too. False if there is no pair, after a message that says what the folder
// should hold. Single images are listed as pairs without `b`. The list is freed with
// pair_list_free.
bool data_folder_list(const char *data, const char *split, enum data_files files,
                      struct pair_list *list);

// The same of a folder without splits; `quiet` leaves out the warnings, of somebody who
// has listed it before.
bool data_folder_list_whole(const char *data, enum data_files files, bool quiet,
                            struct pair_list *list);

// Calls `visit` with the path of each image in the folders of a split, which may be
// absent, or of the folder itself, where `split` is NULL; whether or not it is one of
// the pairs. `visit` returns false to stop. False then, or after a message.
bool data_folder_visit(const char *data, const char *split,
                       bool (*visit)(void *user, const char *path), void *user);

// The same of files that are not read: in folders of A or B all of them, elsewhere
// those that are images of other kinds by their extensions.
bool data_folder_visit_unread(const char *data, const char *split,
                              bool (*visit)(void *user, const char *path), void *user);

#endif
