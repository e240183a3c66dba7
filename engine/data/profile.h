// SPDX-License-Identifier: MIT
//
// ICC profiles (ICC.1:2022), which say what the numbers of an image look like. They are
// not applied: files take them to those that are made of them (picture_tags.h).

#ifndef DATA_PROFILE_H
#define DATA_PROFILE_H

#include "base/base.h"

// Larger ones are left out. Those of monitors and cameras have 0.5 to 50 KiB, of
// printers up to 4 MiB; a JPEG holds less than 16 MiB.
#define PROFILE_MOST_BYTES ((size_t)15 << 20)

// For how many colours it is: 1: grey; 3: RGB; PROFILE_OTHER: CMYK and others. 0: it is
// damaged, or of a kind that no image has.
enum { PROFILE_OTHER = 255 };
uint32_t profile_colours(const void *data, size_t size);

// Its bytes, of which it says how many they are; some files have a few behind them. Of
// one that is not damaged.
size_t profile_size(const void *data);

#endif
