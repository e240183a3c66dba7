// SPDX-License-Identifier: MIT
//
// Pairs of input and target in files, and how one is read. data_folder.h says where
// they are.

#ifndef DATA_PAIRS_H
#define DATA_PAIRS_H

#include "data/picture.h"

struct pair_file {
    char *name;     // of the file, or of the one in A; without its folder
    char *a, *b;    // paths; b NULL: both are in one image, side by side
};

struct pair_list {
    char *folder;    // DATA/train, for messages
    struct pair_file *files;
    size_t count;
};

void pair_list_free(struct pair_list *list);

struct pair_options {
    bool swap;                       // BtoA: the input is B
    uint32_t input_nc, output_nc;    // channels
    // Files of another kind are refused. PIXEL_KINDS: any kind.
    enum pixel_kind input_kind, output_kind;
    bool resize;    // to side x side; false: an image must have this size
    uint32_t side;
    enum resize_filter filter;
};

// Reads a pair as [channels, side, side] each; an image with both is cut at half of its
// width, rounded down, so that a column in the middle belongs to B. The caller frees
// both pictures. On failure there is none, `reason` says why, and *culprit is the path
// of the file that it is about, which the pair_file owns. Nothing is logged.
bool pair_read(const struct pair_file *file, const struct pair_options *options,
               struct picture *input, struct picture *target, const char **culprit,
               struct reason *reason);

// Sets the kinds of the options that are PIXEL_KINDS to those of the first pair that
// can be used with them, and to u8 if there is none.
void pair_list_find_kinds(const struct pair_list *list, struct pair_options *options);

#endif
