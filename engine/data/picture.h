// SPDX-License-Identifier: MIT
//
// Images of 1 to 64 channels and any kind of sample, as planes [c, h, w]: what the
// engine works with between files and staging memory. struct pix_image is the simple
// public form (image.h), struct pix_array the general one.

#ifndef DATA_PICTURE_H
#define DATA_PICTURE_H

#include "base/pixel.h"
#include "base/reason.h"
#include "data/picture_tags.h"
#include "data/resize.h"
#include "data/size.h"
#include "pix2pix.h"

// Of what is read and written, so that products of sides fit into 64 bits.
#define PICTURE_MAX_SIDE ((uint32_t)1 << 20)

struct palette;

// The axes of an array in a file: planes, as pictures have them, or pixels.
enum array_order { ARRAY_CHW, ARRAY_HWC };

// Of an image that is held whole, where the caller does not say.
#define PICTURE_MAX_PIXELS ((uint64_t)1 << 28)

// What becomes of the alpha of an image. Files of 2 and 4 channels have one.
enum alpha_rule {
    ALPHA_DROP,    // left to picture_set_channels, which drops it where it has no
                   // channel
    ALPHA_KEEP,    // the same; a translation carries it over to its output
    // The colours are laid over a background, and are all that is left.
    ALPHA_WHITE,
    ALPHA_BLACK,
    ALPHA_CHECKER,    // squares of 8 x 8, white and four fifths of it
};

// How files of images are read. Zeros are the defaults.
struct picture_reading {
    enum array_order order;    // axes of arrays
    uint64_t max_pixels;       // width times height; 0: PICTURE_MAX_PIXELS
    bool as_stored;            // the EXIF orientation is not applied
    bool keep_truncated;       // a JPEG that ends early is read as far as it goes
    uint32_t page;             // of a TIFF, from 1; 0: the first, nobody said which
    bool with_tags;            // picture.tags, for a file that is made of this one
    enum alpha_rule alpha;
};

// Images of more pixels are refused.
static inline uint64_t picture_most_pixels(const struct picture_reading *reading)
{
    return reading->max_pixels ? reading->max_pixels : PICTURE_MAX_PIXELS;
}

static inline const char *array_order_name(enum array_order order)
{
    return order == ARRAY_HWC ? "hwc" : "chw";
}

static inline const char *array_order_axes(enum array_order order)
{
    return order == ARRAY_HWC ? "[h, w, c]" : "[c, h, w]";
}

struct picture {
    enum pixel_kind kind;
    uint32_t channels, width, height;
    bool is_array;    // from .npy: its channels are not colours and never converted
    // EXIF orientation of the file that it was read from, 2 to 8; 0: upright, or not
    // said. A decoder leaves the pixels as they are stored; picture_read turns them
    // upright, unless as_stored, and keeps the number.
    uint32_t orientation;
    // The file ends early: what was missing is grey. Only with keep_truncated.
    bool is_cut;
    // Read as u16 from integers of another size, none of them above 255: likely to be
    // of 8 bits, and nearly black as they are. Functions below do not keep it.
    bool is_narrow;
    // It has an alpha that is not opaque everywhere, or had one, see data/alpha.h.
    // Functions below do not keep it.
    bool is_transparent;
    // Which samples are black and white, and -1 and 1 to the networks. Files say
    // nothing of it: PIXEL_WHOLE, until picture_set_range.
    struct pixel_range range;
    uint32_t pages;    // of the file, where it has several; functions below drop it
    // The file names a number that stands for no data (no_data.h); likewise.
    bool has_no_data;
    double no_data;
    // What goes to a file that is made of it, or NULL; the picture's own. Functions
    // below that make another picture do not keep it.
    struct picture_tags *tags;
    // RGB of u8 whose colours are all of this palette, somebody else's: a PNG or TIFF
    // of it has the palette. Functions below do not keep it.
    const struct palette *palette;
    void *samples;    // [c][h][w]
};

// What was noted of the file that a picture was read from, and its tags, go over to one
// that was made of it.
static inline void picture_take_notes(struct picture *p, const struct picture *of)
{
    p->orientation = of->orientation;
    p->is_cut = of->is_cut;
    p->is_narrow = of->is_narrow;
    p->is_transparent = of->is_transparent;
    p->pages = of->pages;
    p->tags = of->tags;
}

// Whether a picture with so many bytes in each pixel may have this size: sides of 1 to
// PICTURE_MAX_SIDE, and all of it can be addressed.
bool picture_size_is_valid(uint64_t width, uint64_t height, uint64_t bytes);

// Whether frames of a stream may have this size, so many bytes a pixel on their way.
// False with the reason.
bool picture_check_frames(uint32_t width, uint32_t height, uint64_t bytes,
                          uint64_t max_pixels, struct reason *reason);

static inline struct pix_size picture_size(const struct picture *p)
{
    return (struct pix_size){ p->width, p->height };
}

// All samples 0. Functions that make a picture return false only without memory, after
// a message, and then leave an empty one, which picture_free takes.
bool picture_create(struct picture *picture, enum pixel_kind kind, uint32_t channels,
                    uint32_t width, uint32_t height);
void picture_free(struct picture *picture);
size_t picture_bytes(const struct picture *picture);    // of all samples
bool picture_copy(const struct picture *in, struct picture *out);

// Converts to so many channels in place: 1 is grey (the luma of ITU-R BT.601 as Pillow
// computes it), 2 grey and alpha, 3 RGB, 4 RGB and alpha. Alpha that was missing is
// opaque. An array is refused unless it has them. Nothing is logged.
bool picture_set_channels(struct picture *picture, uint32_t channels,
                          struct reason *reason);

// Adds the sum of each channel's samples to sums[channel]. Of a picture of another size
// than `as`: what the sum of so many pixels of the same mean would be.
void picture_add_sums(const struct picture *picture, struct pix_size as, double *sums);

// Sample i, through all channels, as it is held.
static inline double picture_sample(const struct picture *p, size_t i)
{
    switch (p->kind) {
    case PIXEL_U8:
        return ((const uint8_t *)p->samples)[i];
    case PIXEL_U16:
        return ((const uint16_t *)p->samples)[i];
    default:
        return (double)((const float *)p->samples)[i];
    }
}

// Sets it; integers are rounded, and clamped to their kind.
static inline void picture_set_sample(struct picture *p, size_t i, double value)
{
    const double most = p->kind == PIXEL_U8 ? UINT8_MAX : UINT16_MAX;
    const double whole = MIN(MAX(value, 0), most) + 0.5;
    if (p->kind == PIXEL_U8)
        ((uint8_t *)p->samples)[i] = (uint8_t)whole;
    else if (p->kind == PIXEL_U16)
        ((uint16_t *)p->samples)[i] = (uint16_t)whole;
    else
        ((float *)p->samples)[i] = (float)value;
}

// Whether some of its samples are floats outside [-1, 1], or no numbers.
bool picture_exceeds_range(const struct picture *picture);

// The largest sample of u8 and u16; of floats 0.
uint32_t picture_find_largest(const struct picture *picture);

// Says how the samples are meant, which stay as they are. Of u8 always in one way.
void picture_set_range(struct picture *picture, struct pixel_range range);

// Samples outside the range, where one is set; else 0.
uint64_t picture_count_outside(const struct picture *picture);

// Brings samples to the nearest end of the range, or of [-1, 1] if they are floats
// without one. NaN stays.
void picture_clamp(struct picture *picture);

// Converts to another kind and another range in place: the ends of one become those of
// the other, and in u8 what lies outside is lost. Integers are rounded and clamped to
// their kind as a network's output is. Without ranges u16 to u8 keeps the high byte.
// Between u16 and f32 of one range samples keep their numbers.
bool picture_set_kind(struct picture *picture, enum pixel_kind kind,
                      struct pixel_range range);

bool picture_resize(const struct picture *in, enum resize_filter filter, uint32_t width,
                    uint32_t height, struct picture *out);
// Columns [x, x + width) and rows [y, y + height), which must be inside.
bool picture_crop(const struct picture *in, uint32_t x, uint32_t y, uint32_t width,
                  uint32_t height, struct picture *out);
// The same part as samples [c][height][width] in memory that has room for them.
void picture_copy_part(const struct picture *in, uint32_t x, uint32_t y, uint32_t width,
                       uint32_t height, void *samples);

// Copies rows [from, from + count) to rows [to, to + count) of a picture of the same
// kind, channels and width.
void picture_copy_rows(const struct picture *in, uint32_t from, uint32_t count,
                       struct picture *out, uint32_t to);

// Turns and mirrors stored pixels as an EXIF orientation, 2 to 8, asks for (TIFF 6.0
// and Exif 2.3, tag 274); 5 to 8 exchange width and height.
bool picture_turn_upright(struct picture *picture, uint32_t orientation);

// Interleaved samples [h, w, c] of u8 and u16 pictures, as image files have them. The
// first copies them into the planes of a picture, the second those of one row, [w, c];
// the third returns new memory for mem_free, NULL after a message.
void picture_set_interleaved(struct picture *picture, const void *interleaved);
void picture_set_row(struct picture *picture, uint32_t y, const void *interleaved);
void *picture_interleave(const struct picture *picture);

// Writes [h, w, 3] bytes for people to look at: grey for 1 and 2 channels, else the
// first three as RGB.
void picture_get_rgb(const struct picture *picture, uint8_t *rgb);

// The public form. The first copies samples and tags, and returns false after a message
// if the array is not an image; the second hands them over and leaves an empty picture.
bool picture_from_array(const struct pix_array *array, struct picture *picture);
struct pix_array picture_to_array(struct picture *picture);

#endif
