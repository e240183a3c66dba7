// SPDX-License-Identifier: MIT
//
// Lightness and colour apart: CIE L*a*b* (CIE 15:2004) of images in sRGB (IEC
// 61966-2-1), with the white of D65 for the observer of 2 degrees.

#ifndef DATA_COLOUR_H
#define DATA_COLOUR_H

#include "data/picture.h"

// L* is 0 (black) to 100 (white). Of a* (green to red) and b* (blue to yellow) sRGB has
// -108 to 98; networks get -110 to 110, as those of Zhang et al. 2016 and of the
// PyTorch port (data/colorization_dataset.py).
#define COLOUR_LIGHTNESS ((struct pixel_range){ 0, 100 })
#define COLOUR_CHROMA ((struct pixel_range){ -110, 110 })

// The same as values of options.
#define COLOUR_LIGHTNESS_TEXT "0:100"
#define COLOUR_CHROMA_TEXT "-110:110"

// Of a picture of 3 channels, in the range of its kind or its own: L* as f32
// [1, h, w] and a*, b* as f32 [2, h, w], with the ranges above. Either may be NULL.
// False only without memory, after a message, with nothing made.
bool colour_split(const struct picture *rgb, struct picture *lightness,
                  struct picture *chroma);

// The way back, of pictures of one size: 3 channels of `kind`, u8 or u16, rounded.
// Colours that sRGB does not have are clipped, channel by channel.
bool colour_join(const struct picture *lightness, const struct picture *chroma,
                 enum pixel_kind kind, struct picture *rgb);

#endif
