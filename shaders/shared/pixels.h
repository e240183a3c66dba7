// SPDX-License-Identifier: MIT
//
// 8-bit pictures and tensors. A staged sample is `images` pictures of side_h x side_w
// pixels, one after the other, interleaved RGB, nothing padded: a sample may start at
// any byte. The jitter of a sample is four unsigned integers: crop_x, crop_y, mirror,
// 0.
//
//     unpack   out[c][y][x] = (byte / 255 - 0.5) / 0.5
//              of the pixel (crop_y + y, crop_x + (mirror ? w - 1 - x : x))
//     pack     byte = (x + 1) / 2 * 255 within 0 to 255, without its fraction; NaN is 0

#ifndef SHARED_PIXELS_H
#define SHARED_PIXELS_H

#include "shared/base.h"

#define PIXELS_JITTER 4    // integers a sample

struct pixels_unpack_params {
    uint count;     // elements written
    uint stride;    // invocations of the grid
    uint h, w;      // of the crop
    uint side_h, side_w;
    uint first;           // picture in the sample
    uint images;          // pictures a sample
    uint first_sample;    // of the staged ones
    STRUCT(view) y;
};

struct pixels_pack_params {
    uint words;     // 32-bit words written
    uint stride;    // invocations of the grid
    uint count;     // bytes, the last word may not be full
    uint plane;     // h * w
    STRUCT(view) x;
};

#endif
