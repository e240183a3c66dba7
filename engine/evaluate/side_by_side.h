// SPDX-License-Identifier: MIT
//
// The picture that an evaluation may write: rows of input | output | target, between
// which may stand what is in other folders, as the outputs of other models.

#ifndef EVALUATE_SIDE_BY_SIDE_H
#define EVALUATE_SIDE_BY_SIDE_H

#include "data/listing.h"
#include "data/pairs.h"
#include "data/sheet.h"
#include "settings/settings.h"

#define BESIDE_MAX 8u    // folders

struct side_by_side {
    struct sheet sheet;
    uint32_t used;    // rows
    // Of the images in the folders, of which u16 and f32 have the range of outputs.
    struct picture_reading reading;
    struct pixel_range range;
    uint32_t beside_count;
    struct listing beside[BESIDE_MAX];
};

// Whether what the caller may have got wrong is right, before a data folder is read.
// False after a message.
bool side_by_side_check(const struct pix_evaluate_options *options);

// With rows for the first pairs of the list, at most options->grid_rows, and tiles of
// the model's size. False after a message, with nothing to free.
bool side_by_side_create(struct side_by_side *grid,
                         const struct pix_evaluate_options *options,
                         const struct pair_list *list, const struct settings *model);
void side_by_side_free(struct side_by_side *grid);    // a zeroed one is fine

// Draws the next row, unless the grid is full. `pair` is the name of the pair. False
// after a message.
bool side_by_side_add(struct side_by_side *grid, const char *pair,
                      const struct picture *input, const struct picture *output,
                      const struct picture *target);

#endif
