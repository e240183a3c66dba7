// SPDX-License-Identifier: MIT
//
// Kinds of image samples, on the host, in staging memory and in files. Networks see
// [-1, 1]: bytes [0, 255] and 16-bit numbers [0, 65535] are scaled to it, floats are
// used unchanged, unless they have a range. Everything is in this header.

#ifndef BASE_PIXEL_H
#define BASE_PIXEL_H

#include "base/base.h"

#include <string.h>

enum pixel_kind { PIXEL_U8, PIXEL_U16, PIXEL_F32, PIXEL_KINDS };

#define PIXEL_MAX_CHANNELS 64u

// Bytes of one sample.
static inline uint32_t pixel_bytes(enum pixel_kind kind)
{
    return 1u << (uint32_t)kind;
}

// "u8", "u16" or "f32".
static inline const char *pixel_kind_name(enum pixel_kind kind)
{
    static const char *const names[PIXEL_KINDS] = { "u8", "u16", "f32" };
    return names[kind];
}

// The kind of a name; false for other texts.
static inline bool pixel_kind_find(const char *name, enum pixel_kind *kind)
{
    for (int i = 0; i < PIXEL_KINDS; i++) {
        *kind = (enum pixel_kind)i;
        if (strcmp(name, pixel_kind_name(*kind)) == 0)
            return true;
    }
    return false;
}

// The samples that are -1 and 1 to the networks, where they are not those of the kind:
// 12 bits in 16, for example. Zeroed, PIXEL_WHOLE: none is set, and the kind decides.
struct pixel_range {
    float low, high;    // finite
};

#define PIXEL_WHOLE ((struct pixel_range){ 0, 0 })

static inline bool pixel_range_equals(struct pixel_range a, struct pixel_range b)
{
    return a.low == b.low && a.high == b.high;
}

static inline bool pixel_range_is_set(struct pixel_range range)
{
    return range.high > range.low;
}

// The range of pictures of a kind where this one is asked for: u8 has always its own.
static inline struct pixel_range pixel_range_for(enum pixel_kind kind,
                                                 struct pixel_range range)
{
    return kind == PIXEL_U8 ? PIXEL_WHOLE : range;
}

// The samples that are -1 and 1, and black and white, in any case.
struct pixel_ends {
    double low, high;
};

static inline struct pixel_ends pixel_ends(enum pixel_kind kind,
                                           struct pixel_range range)
{
    if (pixel_range_is_set(range))
        return (struct pixel_ends){ (double)range.low, (double)range.high };
    return kind == PIXEL_F32 ? (struct pixel_ends){ -1, 1 }
                             : (struct pixel_ends){ 0, kind == PIXEL_U8 ? 255 : 65535 };
}

// Bytes of an image in staging memory, where kernels read or write it: [c, h, w],
// without padding but for the end, to a whole 32-bit word: kernels have no smaller
// accesses.
static inline uint64_t pixel_staged_bytes(enum pixel_kind kind, uint32_t channels,
                                          uint32_t width, uint32_t height)
{
    uint64_t bytes = (uint64_t)channels * width * height * pixel_bytes(kind);
    return ALIGN_UP(bytes, (uint64_t)4);
}

#endif
