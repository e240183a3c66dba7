// SPDX-License-Identifier: MIT
//
// Where the pairs of a folder are and how one is read. A folder DATA/train holds either
// files with A on the left and B on the right, or folders A/ and B/ with files of equal
// stems, whose extensions may differ. Where there is no DATA/train, DATA/A/train and
// DATA/B/train are these folders.

#ifndef DATA_PAIRS_H
#define DATA_PAIRS_H

#include "data/picture.h"

struct pair_file {
    char *name;     // of the file, or of that in A
    char *a, *b;    // paths; b NULL: both are in one picture, side by side
};

struct pair_list {
    struct pair_file *files;    // by stem, or where they are in one folder by name
    size_t count;
    size_t unpaired;    // left out
    bool warns;         // of those that are left out
};

// Fails after a message if there is no such folder or no pair in it. Reading a folder
// once more `warns` of nothing that was said before.
bool pair_list_read(const char *folder, bool warns, struct pair_list *list);
void pair_list_free(struct pair_list *list);

struct pair_options {
    bool swap;                       // BtoA: the input is B
    uint32_t input_nc, output_nc;    // channels
    // PIXEL_KINDS: any. Another kind is a reason to refuse a file.
    enum pixel_kind input_kind, output_kind;
    bool resize;    // to side x side; false: a picture must be of this size
    uint32_t side;
    enum resize_filter filter;
};

// Reads a pair. A failure has a reason and the path of the file that it is about.
bool pair_read(const struct pair_file *file, const struct pair_options *options,
               struct picture *input, struct picture *target, const char **culprit,
               struct reason *reason);

#endif
