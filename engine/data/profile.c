// SPDX-License-Identifier: MIT
//
// See profile.h. Numbers in comments are sections of ICC.1:2022. What is looked at is
// what libpng and lcms look at: one that they would not take is worth nothing.

#include "data/profile.h"

#include "base/bytes.h"

#include <string.h>

enum { HEADER = 128, TAG = 12 };

static bool is_text(const uint8_t *p, const char *text)
{
    return memcmp(p, text, 4) == 0;
}

size_t profile_size(const void *data)
{
    return (size_t)bytes_get_big(data, 4);
}

// The size, the version from which sizes are multiples of 4, the class, the space that
// colours are taken to, the intent and the signature (7.2).
static bool header_is_sane(const uint8_t *p, size_t size)
{
    return size >= HEADER + 4 && profile_size(p) <= size &&
           profile_size(p) >= HEADER + 4 && (p[8] < 4 || profile_size(p) % 4 == 0) &&
           !is_text(p + 12, "abst") && !is_text(p + 12, "link") &&
           (is_text(p + 20, "XYZ ") || is_text(p + 20, "Lab ")) &&
           bytes_get_big(p + 64, 4) < UINT16_MAX && is_text(p + 36, "acsp");
}

// What the table of tags points to is in the profile (7.3).
static bool tags_are_inside(const uint8_t *p)
{
    const size_t size = profile_size(p);
    const size_t count = (size_t)bytes_get_big(p + HEADER, 4);
    if (count > (size - HEADER - 4) / TAG)
        return false;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *tag = p + HEADER + 4 + i * TAG;
        const size_t begin = (size_t)bytes_get_big(tag + 4, 4);
        if (begin > size || bytes_get_big(tag + 8, 4) > size - begin)
            return false;
    }
    return true;
}

uint32_t profile_colours(const void *data, size_t size)
{
    const uint8_t *p = data;
    if (!header_is_sane(p, size) || !tags_are_inside(p))
        return 0;
    return is_text(p + 16, "GRAY") ? 1 : is_text(p + 16, "RGB ") ? 3 : PROFILE_OTHER;
}
