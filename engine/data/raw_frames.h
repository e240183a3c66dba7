// SPDX-License-Identifier: MIT
//
// Frames without headers, as ffmpeg -f rawvideo has them: interleaved samples
// [h, w, c], the low byte first.

#ifndef DATA_RAW_FRAMES_H
#define DATA_RAW_FRAMES_H

#include "base/reason.h"
#include "data/picture.h"

struct raw_format {
    enum pixel_kind kind;
    uint32_t channels, width, height;
};

// Reads "rgb24:640x480": rgb24, rgba, gray8, gray16 or f32, which has as many channels
// as `channels` says. False with a reason.
bool raw_parse(const char *text, uint32_t channels, uint64_t max_pixels,
               struct raw_format *format, struct reason *reason);

size_t raw_frame_bytes(const struct raw_format *format);

// What ffmpeg calls such frames: "rgb24"; NULL: it has no name for them.
const char *raw_ffmpeg_name(const struct raw_format *format);

// f32 samples must be finite. False with a reason.
bool raw_to_picture(const struct raw_format *format, const void *frame,
                    struct picture *picture, struct reason *reason);
void raw_from_picture(const struct picture *picture, void *frame);

#endif
