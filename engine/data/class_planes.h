// SPDX-License-Identifier: MIT
//
// Label maps as networks take them: a plane of u8 for each class, 255 in the pixels of
// the class and 0 elsewhere, or of an output how likely the class is. See palette.h.

#ifndef DATA_CLASS_PLANES_H
#define DATA_CLASS_PLANES_H

#include "data/palette.h"

// Classes that a network takes or makes: a plane each, at most PIXEL_MAX_CHANNELS.
enum { CLASSES_MIN = 2, CLASSES_MAX = 64 };

// Brings an image as a file has it to what label maps are: 1 or 3 channels of u8;
// an alpha is dropped. False with the reason. Nothing is logged.
bool class_planes_take(struct picture *labels, struct reason *reason);

// Makes planes of a label map in place. A pixel is of the class whose colour it has, or
// else of the nearest one, which *strange counts. Of one channel samples are indices,
// unless all colours of the palette are greys, whose levels they are then. False with
// the reason: an index that the palette does not have, or no memory.
bool class_planes_make(const struct palette *palette, struct picture *labels,
                       uint64_t *strange, struct reason *reason);

// Makes RGB of planes in place: the colour of the largest of each pixel, the first of
// equal ones; picture.palette is the palette. False only without memory, after a
// message.
bool class_planes_colour(const struct palette *palette, struct picture *planes);

#endif
