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
//     augment  as unpack, but of the place x' = a (x + 1/2) + b (y + 1/2) + e - 1/2,
//              y' = c (x + 1/2) + d (y + 1/2) + f - 1/2 in the image, whose edge goes
//              on for ever: bilinear between the four pixels around it, or the nearest
//              one. The first `touched` channels become out * gain + shift + noise *
//              N(0, 1), clamped to [-1, 1] unless they are floats without a range. The
//              jitter of a sample is then 12 numbers: a, b, c, d, e, f, gain, shift and
//              noise as floats, the two halves of the key of its noise, 0.
//
// A pixel of the image itself, and not a mixture, is taken where x' and y' are whole.
// The element i of a sample gets the noise sqrt(-2 ln u) cos(2 pi v), u and v from the
// words 0 and 1 of Philox 4x32-10 with the counter (i, 0, 0, 0) (Box and Muller 1958):
// it is that of the sample, however often and with which others this is unpacked.
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
#define PIXELS_SPEC_RANGED 2     // 1: low and width are used
#define PIXELS_SPEC_NEAREST 3    // augment, 1: not bilinear

// enum pixel_kind
#define PIXELS_U8 0
#define PIXELS_U16 1
#define PIXELS_F32 2

#define PIXELS_JITTER 4    // integers a sample

// Of a sample that is augmented: places of its numbers, and how many there are.
#define PIXELS_MATRIX 0    // a, b, c, d
#define PIXELS_PLACE 4     // e, f
#define PIXELS_GAIN 6
#define PIXELS_SHIFT 7
#define PIXELS_NOISE 8
#define PIXELS_KEY 9    // low, high
#define PIXELS_AUGMENT 12

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
    uint touched;         // augment: first channels whose values change
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
