// SPDX-License-Identifier: MIT
//
// See y4m.h.

#include "data/y4m.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MAGIC "YUV4MPEG2"

// Names of 8 bits; the first one of each format is written.
static const struct {
    const char *name;
    enum yuv_chroma chroma;
    enum yuv_siting siting;
} chromas[] = {
    { "420jpeg", YUV_420, YUV_CENTRE }, { "420mpeg2", YUV_420, YUV_LEFT },
    { "420paldv", YUV_420, YUV_PALDV }, { "420", YUV_420, YUV_CENTRE },
    { "422", YUV_422, YUV_LEFT },       { "444", YUV_444, YUV_LEFT },
    { "mono", YUV_MONO, YUV_LEFT },
};

// Names of more than 8 bits, up to the number; what is left out is as in H.264.
static const struct {
    const char *name;
    enum yuv_chroma chroma;
} deep_chromas[] = {
    { "420p", YUV_420 },
    { "422p", YUV_422 },
    { "444p", YUV_444 },
    { "mono", YUV_MONO },
};

// A number from 1 to 9 digits, all of the text or up to `end`. False: it is none.
static bool read_number(const char *text, size_t length, uint32_t *number)
{
    *number = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        *number = *number * 10 + (uint32_t)(text[i] - '0');
    }
    return length > 0 && length <= 9;
}

static bool read_ratio(const char *text, size_t length, struct y4m_ratio *ratio)
{
    const char *colon = memchr(text, ':', length);
    if (!colon)
        return false;
    const size_t first = (size_t)(colon - text);
    return read_number(text, first, &ratio->numerator) &&
           read_number(colon + 1, length - first - 1, &ratio->denominator) &&
           (ratio->denominator > 0 || ratio->numerator == 0);
}

static bool is_text(const char *text, size_t length, const char *wanted)
{
    return strlen(wanted) == length && memcmp(text, wanted, length) == 0;
}

static bool read_chroma(const char *text, size_t length, struct yuv_format *f)
{
    for (size_t i = 0; i < ARRAY_LEN(chromas); i++) {
        if (!is_text(text, length, chromas[i].name))
            continue;
        f->chroma = chromas[i].chroma;
        f->siting = chromas[i].siting;
        f->bits = 8;
        return true;
    }
    for (size_t i = 0; i < ARRAY_LEN(deep_chromas); i++) {
        const size_t tail = strlen(deep_chromas[i].name);
        if (length <= tail || memcmp(text, deep_chromas[i].name, tail) != 0 ||
            !read_number(text + tail, length - tail, &f->bits) || f->bits <= 8 ||
            f->bits > YUV_MOST_BITS)
            continue;
        f->chroma = deep_chromas[i].chroma;
        f->siting = YUV_LEFT;
        return true;
    }
    return false;
}

static bool refuse(struct reason *reason, const char *what, const char *text,
                   size_t length, const char *advice)
{
    return reason_refuse(reason, "%s (%.*s)%s", what, (int)MIN(length, (size_t)40),
                         text, advice);
}

// What C is now, in capitals. Programs that know both write both.
static const char old_chroma[] = "YSCSS=";

static bool is_old_chroma(const char *text, size_t length)
{
    return length >= sizeof(old_chroma) - 1 &&
           memcmp(text, old_chroma, sizeof(old_chroma) - 1) == 0;
}

static bool read_old_chroma(const char *text, size_t length, struct y4m_header *h)
{
    const size_t begin = sizeof(old_chroma) - 1;
    char name[16];
    h->old_chroma = Y4M_OLD_UNKNOWN;
    if (h->says_chroma || length - begin > sizeof(name))
        return true;
    for (size_t i = begin; i < length; i++)
        name[i - begin] =
            (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] - 'A' + 'a' : text[i]);
    if (read_chroma(name, length - begin, &h->format))
        h->old_chroma = Y4M_OLD_READ;
    return true;
}

static bool read_comment(const char *text, size_t length, struct y4m_header *h,
                         struct reason *reason)
{
    static const char range[] = "COLORRANGE=";
    const size_t begin = sizeof(range) - 1;
    if (length >= begin && memcmp(text, range, begin) == 0) {
        h->says_range = true;
        h->format.is_full = is_text(text + begin, length - begin, "FULL");
        return h->format.is_full || is_text(text + begin, length - begin, "LIMITED") ||
               refuse(reason, "XCOLORRANGE must be FULL or LIMITED", text, length, "");
    }
    if (is_old_chroma(text, length))
        return read_old_chroma(text, length, h);
    // There is room: they come from a line that is no longer.
    const size_t used = strlen(h->comments);
    snprintf(h->comments + used, sizeof(h->comments) - used, " X%.*s", (int)length,
             text);
    return true;
}

// One parameter of the first line.
static bool read_parameter(const char *text, size_t length, struct y4m_header *h,
                           struct reason *reason)
{
    const char *value = text + 1;
    const size_t size = length - 1;
    switch (text[0]) {
    case 'W':
        return read_number(value, size, &h->format.width) ||
               refuse(reason, "the width is not a number of 1 to 9 digits", text,
                      length, "");
    case 'H':
        return read_number(value, size, &h->format.height) ||
               refuse(reason, "the height is not a number of 1 to 9 digits", text,
                      length, "");
    case 'F':
        return read_ratio(value, size, &h->rate) ||
               refuse(reason, "the frame rate is not a ratio", text, length, "");
    case 'A':
        return read_ratio(value, size, &h->aspect) ||
               refuse(reason, "the aspect of pixels is not a ratio", text, length, "");
    case 'I':
        return is_text(value, size, "p") || is_text(value, size, "?") ||
               refuse(reason, "it is interlaced", text, length,
                      ": deinterlace it first (ffmpeg -vf bwdif)");
    case 'C':
        h->says_chroma = true;
        return read_chroma(value, size, &h->format) ||
               refuse(reason, "the format of its samples is not supported", text,
                      length, ": convert it (ffmpeg -pix_fmt yuv444p)");
    case 'X':
        return read_comment(value, size, h, reason);
    default:
        return refuse(reason, "a parameter is unknown", text, length, "");
    }
}

bool y4m_begins(const void *bytes, size_t size)
{
    return size >= sizeof(MAGIC) && memcmp(bytes, MAGIC " ", sizeof(MAGIC)) == 0;
}

bool y4m_parse(const char *line, size_t length, uint64_t max_pixels,
               struct y4m_header *header, struct reason *reason)
{
    size_t at = sizeof(MAGIC) - 1;
    *header = (struct y4m_header){
        .format = { .siting = YUV_CENTRE, .chroma = YUV_420, .bits = 8 }
    };
    const struct yuv_format *f = &header->format;
    if (length < at || memcmp(line, MAGIC, at) != 0 || (length > at && line[at] != ' '))
        return reason_refuse(reason, "it is not a YUV4MPEG2 stream");
    while (at < length) {
        const size_t begin = at + 1;
        for (at = begin; at < length && line[at] != ' ';)
            at++;
        if (at > begin && !read_parameter(line + begin, at - begin, header, reason))
            return false;
    }
    if (f->width == 0 || f->height == 0)
        return reason_refuse(reason, "its header has no %s",
                             f->width ? "height" : "width");
    if (!header->says_chroma && header->old_chroma == Y4M_OLD_UNKNOWN)
        return reason_refuse(reason, "the format of its samples, which XYSCSS says, is "
                                     "not supported: convert it (ffmpeg -pix_fmt "
                                     "yuv444p)");
    header->says_chroma |= header->old_chroma == Y4M_OLD_READ;
    return picture_check_frames(f->width, f->height, 12, max_pixels, reason);
}

const char *y4m_chroma_name(const struct yuv_format *f, char name[16])
{
    for (size_t i = 0; f->bits == 8 && i < ARRAY_LEN(chromas); i++)
        if (chromas[i].chroma == f->chroma &&
            (f->chroma != YUV_420 || chromas[i].siting == f->siting))
            return strcpy(name, chromas[i].name);
    for (size_t i = 0; i < ARRAY_LEN(deep_chromas); i++)
        if (deep_chromas[i].chroma == f->chroma)
            snprintf(name, 16, "%s%" PRIu32, deep_chromas[i].name, f->bits);
    return name;
}

size_t y4m_print(const struct y4m_header *h, char line[Y4M_MAX_LINE], bool *is_whole)
{
    const struct yuv_format *f = &h->format;
    char rate[32] = "", name[16];
    if (h->rate.denominator)
        snprintf(rate, sizeof(rate), " F%" PRIu32 ":%" PRIu32, h->rate.numerator,
                 h->rate.denominator);
    int length =
        snprintf(line, Y4M_MAX_LINE,
                 MAGIC " W%" PRIu32 " H%" PRIu32 "%s Ip A%" PRIu32 ":%" PRIu32
                       " C%s XCOLORRANGE=%s",
                 f->width, f->height, rate, h->aspect.numerator, h->aspect.denominator,
                 y4m_chroma_name(f, name), f->is_full ? "FULL" : "LIMITED");
    const bool has_room = (size_t)length + strlen(h->comments) + 2 <= Y4M_MAX_LINE;
    if (is_whole)
        *is_whole = has_room;
    if (has_room)
        length +=
            snprintf(line + length, Y4M_MAX_LINE - (size_t)length, "%s", h->comments);
    line[length] = '\n';
    return (size_t)length + 1;
}

// Makes a ratio of two products the simplest one.
static void reduce(uint64_t *a, uint64_t *b)
{
    const uint64_t divisor = greatest_divisor(*a, *b);
    *a /= MAX(divisor, (uint64_t)1);
    *b /= MAX(divisor, (uint64_t)1);
}

struct y4m_ratio y4m_resized_aspect(struct y4m_ratio aspect, struct pix_size from,
                                    struct pix_size to)
{
    if (aspect.numerator == 0 || aspect.denominator == 0 ||
        (uint64_t)from.width * to.height == (uint64_t)to.width * from.height)
        return aspect;
    // Sides have at most 20 bits, so the products have at most 40.
    uint64_t across = (uint64_t)from.width * to.height;
    uint64_t down = (uint64_t)to.width * from.height;
    uint64_t numerator = aspect.numerator, denominator = aspect.denominator;
    reduce(&across, &down);
    reduce(&numerator, &down);
    reduce(&across, &denominator);
    // The nearest ratio of what a header may have.
    while (across > (1u << 30) / numerator || down > (1u << 30) / denominator) {
        across = MAX(across / 2, (uint64_t)1);
        down = MAX(down / 2, (uint64_t)1);
        numerator = MAX(numerator / 2, (uint64_t)1);
        denominator = MAX(denominator / 2, (uint64_t)1);
    }
    numerator *= across;
    denominator *= down;
    reduce(&numerator, &denominator);
    return (struct y4m_ratio){ (uint32_t)numerator, (uint32_t)denominator };
}
