// SPDX-License-Identifier: MIT
//
// YUV4MPEG2, the format of pipes between programs for video (the mjpegtools'
// yuv4mpeg(5), with ffmpeg's names for more than 8 bits): a line for the stream, then a
// line and a frame, again and again. Functions here know lines; bytes come from the
// caller.

#ifndef DATA_Y4M_H
#define DATA_Y4M_H

#include "base/reason.h"
#include "data/yuv.h"

#define Y4M_MAX_LINE 1024u    // bytes of a line, with its newline
#define Y4M_FRAME "FRAME\n"
#define Y4M_FRAME_SIZE (sizeof(Y4M_FRAME) - 1)

struct y4m_ratio {
    uint32_t numerator, denominator;    // 0:0: unknown
};

struct y4m_header {
    struct yuv_format format;    // but for the matrix, of which the header says nothing
    bool says_range;             // else it is taken to be limited
    bool says_chroma;            // else it is taken to be 420jpeg
    // XYSCSS, where older programs say it.
    enum { Y4M_OLD_NONE, Y4M_OLD_READ, Y4M_OLD_UNKNOWN } old_chroma;
    struct y4m_ratio rate, aspect;    // frames a second; width of a pixel to its height
    // Other X parameters, which go on to the output: "" or " XA XB".
    char comments[Y4M_MAX_LINE];
};

// Whether a file or stream of which these are the first bytes is one.
bool y4m_begins(const void *bytes, size_t size);

// Reads the first line, without its newline. What is no progressive stream of a known
// format is refused, as are frames of more than `max_pixels`. False with a reason.
bool y4m_parse(const char *line, size_t length, uint64_t max_pixels,
               struct y4m_header *header, struct reason *reason);

// Writes it with its newline into `line`, and returns its length. The range is always
// written. Comments are left out where there is no room for them: *is_whole, which may
// be NULL, says whether they are there.
size_t y4m_print(const struct y4m_header *header, char line[Y4M_MAX_LINE],
                 bool *is_whole);

// "420mpeg2", "444p16", "mono": what C is in the header. `name` has room for 16.
const char *y4m_chroma_name(const struct yuv_format *format, char name[16]);

// The aspect of pixels, so that a frame looks as it did, if it is resized.
struct y4m_ratio y4m_resized_aspect(struct y4m_ratio aspect, struct pix_size from,
                                    struct pix_size to);

#endif
