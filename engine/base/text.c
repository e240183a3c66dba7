// SPDX-License-Identifier: MIT
//
// See text.h.

#include "base/text.h"

#include <stdio.h>
#include <string.h>

static const char dots[] = "...";

// The bytes of the UTF-8 character at `s`, which ends with a 0, and its number. 0:
// there is none, or one that is written too long, half of a surrogate pair, or beyond
// U+10FFFF (RFC 3629).
static size_t read_character(const unsigned char *s, uint32_t *code)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t count = s[0] < 0x80    ? 1
                   : s[0] >= 0xf8 ? 0
                   : s[0] >= 0xf0 ? 4
                   : s[0] >= 0xe0 ? 3
                   : s[0] >= 0xc0 ? 2
                                  : 0;
    *code = count > 1 ? s[0] & (0xffu >> (count + 1)) : s[0];
    for (size_t i = 1; i < count; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        *code = *code << 6 | (s[i] & 0x3f);
    }
    bool is_good = count > 0 && *code >= least[count] && *code <= 0x10ffff &&
                   (*code < 0xd800 || *code > 0xdfff);
    return is_good ? count : 0;
}

bool text_is_utf8(const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    uint32_t code;
    size_t count = 1;
    for (; *s && count; s += count)
        count = read_character(s, &code);
    return count > 0;
}

// Whether a terminal would obey a character rather than show it: ISO 6429's second set
// of controls, and those of the bidirectional algorithm (Unicode Standard Annex 9),
// which make a name look like another.
static bool is_obeyed(uint32_t code)
{
    return (code >= 0x80 && code <= 0x9f) || (code >= 0x2028 && code <= 0x202e) ||
           (code >= 0x2066 && code <= 0x2069) || code == 0x61c || code == 0x200e ||
           code == 0x200f;
}

// Writes what stands for the character at `s`; returns how many bytes of `s` that was.
static size_t escape_one(const unsigned char *s, char piece[16])
{
    uint32_t code;
    size_t count = read_character(s, &code);
    if (count == 0 || code == 0x7f)
        snprintf(piece, 16, "\\x%02x", s[0]);
    else if (code < 0x20 && strchr("\n\r\t", (int)code))
        snprintf(piece, 16, "\\%c", code == '\n' ? 'n' : code == '\r' ? 'r' : 't');
    else if (code < 0x20)
        snprintf(piece, 16, "\\x%02x", (unsigned)code);
    else if (is_obeyed(code))
        snprintf(piece, 16, "\\u{%x}", (unsigned)code);
    else
        snprintf(piece, 16, "%.*s", (int)count, (const char *)s);
    return MAX(count, (size_t)1);
}

size_t text_escape(const char *text, char *out, size_t size)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t used = 0, end = 0;    // up to `end` there is room for the dots behind it
    while (*s) {
        char piece[16];
        s += escape_one(s, piece);
        size_t length = strlen(piece);
        if (used + length >= size) {
            used = end;
            memcpy(out + used, dots, sizeof(dots));
            return used + sizeof(dots) - 1;
        }
        memcpy(out + used, piece, length);
        used += length;
        if (used + sizeof(dots) <= size)
            end = used;
    }
    out[used] = '\0';
    return used;
}
