// SPDX-License-Identifier: MIT
//
// What stands behind jpeg.c: libjpeg-turbo (jpeg_turbo.c), or, in a build without it,
// stb (jpeg_stb.c).

#ifndef DATA_JPEG_LIBRARY_H
#define DATA_JPEG_LIBRARY_H

#include "base/reason.h"
#include "data/picture.h"
#include "data/source.h"

#ifdef PIX_HAVE_JPEG
#define JPEG_LIBRARY "libjpeg-turbo"
#else
#define JPEG_LIBRARY "stb"
#endif

// What the segments of a file say.
struct jpeg_frame {
    uint32_t width, height;    // 0: not known yet
    uint32_t components;
    bool has_adobe;
    uint8_t transform;    // that Adobe's segment names: 0 CMYK, 2 YCCK
    uint32_t scans;
    uint32_t orientation;    // see struct picture
    bool is_cut;             // the file has no end
    uint64_t end;            // of what is whole of such a file, a segment or a scan
};

// Decodes a file whose frame is known: u8, grey or RGB. Where `keep` is set, what is
// missing of a file that ends early is filled, and picture->is_cut says so; otherwise
// it is refused.
bool jpeg_library_decode(struct source *source, const struct jpeg_frame *frame,
                         bool keep, struct picture *picture, struct reason *reason);

// Encodes [height][width][3] bytes of a picture, with the profile that it has for RGB.
// False if it fails.
struct encoded;
bool jpeg_library_encode(struct encoded *to, const struct picture *picture,
                         const uint8_t *rgb);

// A profile is in segments of this marker (ICC.1:2022, annex B.4). The content of
// number i, from 0; 0: there are no more.
enum { JPEG_PROFILE_MARKER = 0xe2, JPEG_MAX_SEGMENT = 65535 - 2 };
size_t jpeg_profile_segment(const void *profile, size_t size, size_t i,
                            uint8_t segment[JPEG_MAX_SEGMENT]);

enum { JPEG_QUALITY = 95 };    // of 100: sharp edges stay without visible rings

#endif
