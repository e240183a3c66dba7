// SPDX-License-Identifier: MIT
//
// The alpha of pictures of image files: their second or fourth channel. Colours are as
// they are in files, not multiplied by it.

#ifndef DATA_ALPHA_H
#define DATA_ALPHA_H

#include "data/picture.h"

// Whether it has an alpha channel: 2 or 4 channels that are colours.
bool alpha_is_in(const struct picture *picture);

// Looks whether the alpha is opaque (is_transparent), and lays the picture over a
// background where the rule is one: each sample is that of the picture, in the
// proportion of its alpha, and of the background, rounded to the nearest. False only
// without memory, after a message; so the functions below.
bool alpha_apply(struct picture *picture, enum alpha_rule rule);

// A copy of the alpha, as a picture of one channel; empty where there is none.
bool alpha_take(const struct picture *picture, struct picture *alpha);

// Adds an alpha to a picture of 1 or 3 channels, u8 or u16: as its kind and, by this
// filter, its size.
bool alpha_put(struct picture *picture, const struct picture *alpha,
               enum resize_filter filter);

// Says that the alpha of `count` of `all` inputs, pairs, ... was dropped, or what they
// were laid over. `what` is their name without an s, `first` one of their files.
void alpha_report(enum alpha_rule rule, const char *command, uint32_t count,
                  uint32_t all, const char *what, const char *first);

#endif
