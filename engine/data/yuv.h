// SPDX-License-Identifier: MIT
//
// Frames of video as they are stored, planes Y, Cb and Cr, and as pictures of grey or
// RGB. ITU-R BT.601 and BT.709 have the matrices, BT.2100 table 9 the codes of more
// than 8 bits.

#ifndef DATA_YUV_H
#define DATA_YUV_H

#include "data/picture.h"

enum yuv_chroma { YUV_MONO, YUV_420, YUV_422, YUV_444 };

// Where the chroma samples of 4:2:0 are, among the 2 x 2 luma samples of each.
enum yuv_siting {
    YUV_CENTRE,    // between all four: JPEG, MPEG-1
    YUV_LEFT,      // between the upper and the lower one at the left: MPEG-2, H.264
    YUV_PALDV,     // at the left: Cr with the upper, Cb with the lower one: DV of 625
                   // lines
};

enum yuv_matrix { YUV_BT601, YUV_BT709 };

#define YUV_MOST_BITS 16u

struct yuv_format {
    uint32_t width, height;
    enum yuv_chroma chroma;
    enum yuv_siting siting;    // of 4:2:0; 4:2:2 has its chroma at the left
    uint32_t bits;    // of a sample, 8 to 16; above 8: two bytes, low one first
    bool is_full;     // black and white are the ends of the codes
    enum yuv_matrix matrix;
};

// Bytes of a frame. Its sides must be valid for a picture of 6 bytes a pixel.
size_t yuv_frame_bytes(const struct yuv_format *f);

// A frame as a picture of 1 channel (YUV_MONO) or 3, of any kind: black and white are
// the ends of the kind, or of `range`, where it has one. Chroma is interpolated
// linearly. Colours outside of RGB are clamped. False only without memory, after a
// message; so the next one.
bool yuv_to_picture(const struct yuv_format *f, const void *frame, enum pixel_kind kind,
                    struct pixel_range range, struct picture *picture);

// The other way: a picture of the format's size, of 1 channel for YUV_MONO, else of 3.
// Samples outside its ends are clamped. Chroma is filtered by (1 2 1) / 4 where it is
// at luma samples, by (1 1) / 2 where it is between them.
bool yuv_from_picture(const struct yuv_format *f, const struct picture *picture,
                      void *frame);

#endif
