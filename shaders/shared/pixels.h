// SPDX-License-Identifier: MIT
//
// Images of bytes, 16-bit numbers or floats, and tensors. A staged sample is one image
// or two, planes one after the other, with padding only at the end of an image, to
// whole words. The jitter of a sample is four unsigned integers: crop_x, crop_y,
// mirror, 0.
//
//     unpack   out[c][y][x] = (v / most - 0.5) / 0.5, most 255 or 65535; floats
//              unchanged; v is the pixel in row crop_y + y and in column
//              crop_x + (mirror ? w - 1 - x : x)
//     pack     v = (x + 1) / 2 * most, rounded to the nearest and clamped to [0, most];
//              NaN becomes 0; floats unchanged
//
// With a range, of any kind of sample, `low` is -1 and low + width is 1:
//
//     unpack   out[c][y][x] = (t - 0.5) / 0.5, t = (v - low) / width, clamped to [0, 1]
//     pack     v = low + (x + 1) / 2 * width; integers rounded to the nearest and
//     clamped
//              to the range, where NaN becomes low

#ifndef SHARED_PIXELS_H
#define SHARED_PIXELS_H

#include "shared/base.h"

#define PIXELS_SPEC_KIND 1
#define PIXELS_SPEC_RANGED 2    // 1: low and width are used

// enum pixel_kind
#define PIXELS_U8 0
#define PIXELS_U16 1
#define PIXELS_F32 2

#define PIXELS_JITTER 4    // integers a sample

struct pixels_unpack_params {
    uint count;     // elements written
    uint stride;    // invocations of the grid
    uint channels;
    uint h, w;    // of the crop
    uint side_h, side_w;
    uint first_word;      // of the image in a sample
    uint sample_words;    // of a sample
    uint first_sample;    // of the staged ones
    float low, width;     // of the range
    STRUCT(view) y;
};

struct pixels_pack_params {
    uint words;           // 32-bit words written
    uint stride;          // invocations of the grid
    uint run;             // elements of a sample
    uint sample_words;    // of a sample, the last may not be full
    float low, width;     // of the range
    STRUCT(view) x;
};

#endif
