// SPDX-License-Identifier: MIT
//
// See palette.h.

#include "data/palette.h"

#include "base/file.h"
#include "base/mem.h"
#include "data/picture_file.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GIMP "GIMP Palette"               // begins the first line of one
#define TEXT_LIMIT ((uint64_t)1 << 20)    // bytes of a text file

static bool has(const struct palette *p, const uint8_t colour[3])
{
    for (uint32_t i = 0; i < p->count; i++)
        if (memcmp(p->colours[i], colour, 3) == 0)
            return true;
    return false;
}

static bool add(struct palette *p, const uint8_t colour[3], struct reason *reason)
{
    if (p->count == PALETTE_MAX)
        return reason_refuse(reason,
                             "has more than %u colours: label maps have few, and none "
                             "between them, as JPEG makes",
                             PALETTE_MAX);
    memcpy(p->colours[p->count++], colour, 3);
    return true;
}

// ---------------------------------------------------------------------------
// Text

static bool read_hexadecimal(const char *line, uint8_t colour[3])
{
    char *end;
    for (int i = 0; i < 6; i++)
        if (!isxdigit((unsigned char)line[i]))
            return false;
    const unsigned long value = strtoul(line, &end, 16);
    if (end != line + 6)
        return false;
    for (int i = 0; i < 3; i++)
        colour[i] = (uint8_t)(value >> (16 - 8 * i));
    return true;
}

// How the lines of a text have been read so far.
struct text {
    bool is_gimp;
    uint32_t threes, fours;    // lines of so many numbers
    // Of the lines of four: the number of the first of them in the text, its index and
    // its last number, and whether the last ones count up, as names may.
    uint32_t line, first_index, first_name;
    bool names_count;
};

// The numbers that a line begins with, at most four; a name may follow. Of what is too
// large UINT32_MAX.
static int read_numbers(const char *line, uint32_t values[4])
{
    int count = 0;
    for (; count < 4; count++) {
        char *end;
        line += strspn(line, " \t,;");
        if (!isdigit((unsigned char)*line))
            break;
        const unsigned long value = strtoul(line, &end, 10);
        if (*end && !strchr(" \t,;", *end))
            break;
        values[count] = (uint32_t)MIN(value, (unsigned long)UINT32_MAX);
        line = end;
    }
    return count;
}

static bool take_bytes(const uint32_t *values, uint8_t colour[3])
{
    for (int i = 0; i < 3; i++) {
        if (values[i] > 255)
            return false;
        colour[i] = (uint8_t)values[i];
    }
    return true;
}

// A colour with its index before it or with a number for a name behind: it is the first
// where all lines count up from 0 or 1 by their first number and not by their last.
static bool counts_up(struct text *t, const uint32_t values[4])
{
    if (t->fours == 0) {
        t->first_index = values[0];
        t->first_name = values[3];
        t->names_count = values[3] <= 1;
    }
    t->names_count = t->names_count && values[3] == t->first_name + t->fours;
    return t->first_index <= 1 && values[0] == t->first_index + t->fours;
}

enum line_kind { LINE_COLOUR, LINE_WRONG, LINE_UNCLEAR };

static enum line_kind read_decimal(struct text *t, const char *line, uint8_t colour[3])
{
    uint32_t values[4];
    int count = read_numbers(line, values);
    if (count == 4 && (t->is_gimp || values[3] > 255))
        count = 3;    // the last is a name
    if (count < 3)
        return LINE_WRONG;
    if (count == 4) {
        if (t->threes > 0 || !counts_up(t, values))
            return LINE_UNCLEAR;
        t->fours++;
        return take_bytes(values + 1, colour) ? LINE_COLOUR : LINE_WRONG;
    }
    if (t->fours > 0)
        return LINE_UNCLEAR;
    t->threes++;
    return take_bytes(values, colour) ? LINE_COLOUR : LINE_WRONG;
}

static bool is_skipped(const struct text *t, const char *line)
{
    static const char *const heads[] = { GIMP, "Name:", "Columns:", "Channels:", "# " };
    for (size_t i = 0; i < ARRAY_LEN(heads); i++)
        if (strncmp(line, heads[i], strlen(heads[i])) == 0)
            return true;
    return !*line || strcmp(line, "#") == 0 || (t->is_gimp && *line == '#');
}

static bool refuse_unclear(uint32_t number, struct reason *reason)
{
    return reason_refuse(reason,
                         "line %u may be \"index red green blue\", whose index counts "
                         "from 0 or 1, or \"red green blue\" and a number as its name: "
                         "write colours as #rrggbb, or names without digits at their "
                         "beginning",
                         (unsigned)number);
}

static bool read_line(struct text *t, struct palette *p, const char *line,
                      uint32_t number, struct reason *reason)
{
    uint8_t colour[3];
    line += strspn(line, " \t");
    if (is_skipped(t, line))
        return true;
    enum line_kind kind = LINE_WRONG;
    if (*line != '#')
        kind = read_decimal(t, line, colour);
    else if (read_hexadecimal(line + 1, colour))
        kind = LINE_COLOUR;
    if (t->fours == 1 && t->line == 0)
        t->line = number;
    if (kind == LINE_UNCLEAR)
        return refuse_unclear(number, reason);
    if (kind == LINE_WRONG)
        return reason_refuse(reason,
                             "line %u is \"%.40s\": a colour is #rrggbb or three "
                             "numbers from 0 to 255",
                             (unsigned)number, line);
    if (has(p, colour))
        return reason_refuse(reason, "line %u has a colour that was there before",
                             (unsigned)number);
    return add(p, colour, reason);
}

// Ends a line, in LF, CR LF or CR; what follows it, or NULL.
static char *end_line(char *line)
{
    char *end = strpbrk(line, "\r\n");
    if (!end)
        return NULL;
    const size_t length = end[0] == '\r' && end[1] == '\n' ? 2 : 1;
    *end = '\0';
    return end + length;
}

static bool read_text(char *text, struct palette *p, struct reason *reason)
{
    static const char mark[] = "\xef\xbb\xbf";    // of UTF-8
    if (strncmp(text, mark, strlen(mark)) == 0)
        text += strlen(mark);
    struct text t = { .is_gimp = strncmp(text, GIMP, strlen(GIMP)) == 0 };
    uint32_t number = 0;
    for (char *line = text, *next; line; line = next) {
        next = end_line(line);
        if (!read_line(&t, p, line, ++number, reason))
            return false;
    }
    if (t.fours > 0 && t.names_count)
        return refuse_unclear(t.line, reason);
    p->first_index = t.fours > 0 ? t.first_index : 0;
    return p->count > 0 || reason_refuse(reason, "has no colour");
}

bool palette_read(const char *path, struct palette *p, struct reason *reason)
{
    *p = (struct palette){ .count = 0 };
    if (picture_has_image_extension(path)) {
        struct picture picture;
        if (!picture_read(path, &picture, reason))
            return false;
        bool ok = palette_add_picture(p, &picture, reason);
        picture_free(&picture);
        return ok;
    }
    void *text;
    size_t size;
    if (!file_load(path, TEXT_LIMIT, &text, &size, reason))
        return false;
    bool ok = memchr(text, '\0', size) ? reason_refuse(reason, "is not a text")
                                       : read_text(text, p, reason);
    mem_free(text);
    return ok;
}

// ---------------------------------------------------------------------------
// Options

char *palette_text(const struct palette *p, char text[PALETTE_TEXT_SIZE])
{
    size_t used = 0;
    text[0] = '\0';
    if (p->first_index)
        used =
            (size_t)snprintf(text, PALETTE_TEXT_SIZE, "%u:", (unsigned)p->first_index);
    for (uint32_t i = 0; i < p->count; i++) {
        const uint8_t *c = p->colours[i];
        used += (size_t)snprintf(text + used, PALETTE_TEXT_SIZE - used,
                                 "%s#%02x%02x%02x", i ? "," : "", c[0], c[1], c[2]);
    }
    return text;
}

bool palette_parse(const char *text, struct palette *p)
{
    struct reason reason;
    *p = (struct palette){ .first_index = text[0] == '1' };
    if (p->first_index && *++text != ':')
        return false;
    text += p->first_index;
    do {
        uint8_t colour[3];
        if (*text != '#' || !read_hexadecimal(text + 1, colour) || has(p, colour) ||
            !add(p, colour, &reason))
            return false;
        text += strlen("#rrggbb");
    } while (*text++ == ',');
    return text[-1] == '\0';
}

bool palette_is_grey(const struct palette *p)
{
    for (uint32_t i = 0; i < p->count; i++) {
        const uint8_t *c = p->colours[i];
        if (c[0] != c[1] || c[1] != c[2])
            return false;
    }
    return true;
}

static int by_colour(const void *a, const void *b)
{
    return memcmp(a, b, 3);
}

void palette_sort(struct palette *p)
{
    qsort(p->colours, p->count, sizeof(p->colours[0]), by_colour);
}

// ---------------------------------------------------------------------------
// Pictures

bool palette_add_picture(struct palette *p, const struct picture *picture,
                         struct reason *reason)
{
    const size_t plane = (size_t)picture->width * picture->height;
    const uint8_t *samples = picture->samples;
    uint8_t last[3] = { 0 };
    if (picture->kind != PIXEL_U8 || (picture->channels != 1 && picture->channels != 3))
        return reason_refuse(
            reason, "has %u channels of %s: label maps have 1 or 3 of u8",
            (unsigned)picture->channels, pixel_kind_name(picture->kind));
    for (size_t i = 0; i < plane; i++) {
        uint8_t colour[3];
        for (uint32_t c = 0; c < 3; c++)
            colour[c] = samples[(picture->channels == 3 ? c * plane : 0) + i];
        // Neighbours are mostly equal.
        if (i > 0 && memcmp(colour, last, 3) == 0)
            continue;
        memcpy(last, colour, 3);
        if (!has(p, colour) && !add(p, colour, reason))
            return false;
    }
    return true;
}

static uint32_t square_of(int difference)
{
    return (uint32_t)(difference * difference);
}

uint32_t palette_find(const struct palette *p, uint8_t r, uint8_t g, uint8_t b)
{
    uint32_t best = 0, nearest = UINT32_MAX;
    for (uint32_t i = 0; i < p->count; i++) {
        const uint8_t *c = p->colours[i];
        const uint32_t distance =
            square_of(c[0] - r) + square_of(c[1] - g) + square_of(c[2] - b);
        if (distance < nearest) {
            nearest = distance;
            best = i;
        }
    }
    return best;
}

// Neighbours are mostly equal.
void palette_find_all(const struct palette *palette, const uint8_t *rgb, size_t plane,
                      size_t count, uint8_t *classes)
{
    const uint8_t *r = rgb, *g = rgb + plane, *b = g + plane;
    for (size_t i = 0; i < count; i++) {
        const bool is_same =
            i > 0 && r[i] == r[i - 1] && g[i] == g[i - 1] && b[i] == b[i - 1];
        classes[i] =
            is_same ? classes[i - 1] : (uint8_t)palette_find(palette, r[i], g[i], b[i]);
    }
}
