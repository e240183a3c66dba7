// SPDX-License-Identifier: MIT
//
// The pictures in a folder, and the files that are passed over because their extension
// is not read, which are counted. What systems leave in folders (.DS_Store, ._a.png,
// Thumbs.db, desktop.ini) is passed over without a word.

#ifndef DATA_LISTING_H
#define DATA_LISTING_H

#include "base/file.h"

struct listing {
    char *folder;
    struct file_list pictures;    // names, by bytes
    struct file_list others;      // names with an extension that is not read
    struct file_list folders;     // names of the folders in it
};

// The files of a folder; `is_read` says which names are read. False after a message.
bool listing_read(const char *folder, bool (*is_read)(const char *name),
                  struct listing *listing);

// The files of the folders that are in the folder of another listing, as "folder/name",
// without those of its folders A and B.
bool listing_read_folders(const struct listing *of, bool (*is_read)(const char *name),
                          struct listing *listing);

void listing_free(struct listing *listing);    // a zeroed one is fine

// What is passed over, how many of which extensions, and an example: "2 of 9 files in
// FOLDER: 1 .tif, 1 .txt (first: a.tif)"; "" if there is nothing. Cut to `size`.
void listing_describe_others(const struct listing *listing, char *text, size_t size);

// One warning that has this, for pairs.
void listing_warn(const struct listing *listing);

#endif
