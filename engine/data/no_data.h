// SPDX-License-Identifier: MIT
//
// Pixels that stand for no data, by a number that the file of an image names (the tag
// GDAL_NODATA of a TIFF): where they are in an image, and writing them to one that is
// made of it.

#ifndef DATA_NO_DATA_H
#define DATA_NO_DATA_H

#include "data/picture.h"

// Samples that are the number, through all channels.
uint64_t no_data_count(const struct picture *picture, double number);

// Finds the pixels that have the number in every channel but an alpha: *mask is u8, of
// one channel, 1 there and 0 elsewhere; empty where there is none. False without
// memory, after a message.
bool no_data_find(const struct picture *picture, double number, struct picture *mask);

// Writes the number, which its kind can hold, where the mask is 1: to every channel but
// an alpha. The mask may be empty; of another size it is resized by the nearest pixel.
// Other samples that are the number would count as no data: they become the next one
// that programs tell from it, inside the range, and *moved is how many. False without
// memory, after a message.
bool no_data_put(const struct picture *mask, double number, struct picture *picture,
                 uint64_t *moved);

#endif
