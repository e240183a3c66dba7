// SPDX-License-Identifier: MIT
//
// What is kept of a TIFF for one that is written (picture_tags.h), for the files
// tiff*.c. Needs no libtiff.

#ifndef DATA_TIFF_TAGS_H
#define DATA_TIFF_TAGS_H

#include "base/pixel.h"
#include "data/picture_tags.h"
#include "data/tiff.h"

// Types of values, as TIFF numbers them.
enum tiff_type {
    TIFF_TYPE_BYTE = 1,
    TIFF_TYPE_TEXT = 2,    // ASCII
    TIFF_TYPE_SHORT = 3,
    TIFF_TYPE_RATIONAL = 5,
    TIFF_TYPE_UNDEFINED = 7,    // bytes
    TIFF_TYPE_SIGNED_RATIONAL = 10,
    TIFF_TYPE_DOUBLE = 12,
};

enum tiff_number {
    TIFF_X_RESOLUTION = 282,
    TIFF_Y_RESOLUTION = 283,
    TIFF_RESOLUTION_UNIT = 296,
    TIFF_PIXEL_SCALE = 33550,
    TIFF_TIE_POINTS = 33922,
    TIFF_MATRIX = 34264,
    TIFF_ICC_PROFILE = 34675,
    TIFF_GEO_KEYS = 34735,
    TIFF_GEO_DOUBLES = 34736,
    TIFF_GEO_TEXTS = 34737,
    TIFF_GDAL_METADATA = 42112,
    TIFF_GDAL_NO_DATA = 42113,
};

struct tiff_tag {
    uint16_t number, type;
    uint32_t count;
    void *values;    // in this machine's byte order
};

enum { TIFF_TAGS_MOST = 12 };

struct picture_tags {
    uint32_t width, height;
    uint32_t orientation;    // 2 to 8; 0: upright
    bool is_turned;          // the samples were turned by it
    bool is_damaged;         // a tag is malformed or too large, and was left out
    uint32_t channels;
    uint32_t colours;    // as the file has them, without extra samples: 1 to 4
    // How the samples are stored; compression 0: not as in a TIFF, and what follows is
    // 0.
    uint16_t compression, predictor, photometric;
    enum pixel_kind kind;    // of the samples that the predictor is for
    uint16_t extras[PIXEL_MAX_CHANNELS];
    uint32_t extra_count;
    bool is_planar;
    uint32_t tile_width, tile_height;    // 0: strips
    // What GDAL_NODATA names, and whether the samples that are read are those that it
    // means.
    bool has_no_data, no_data_is_other;
    double no_data;
    uint32_t count;
    struct tiff_tag tags[TIFF_TAGS_MOST];    // of the types that they must have
};

bool tiff_tags_keep(uint16_t number);    // whether a tag of this number is kept
// Bytes of a value of this type, 0: unknown; bytes of the numbers that it is made of.
uint32_t tiff_type_bytes(uint16_t type);
uint32_t tiff_number_bytes(uint16_t type);
// Whether a file is compressed as the one that the tags are from.
bool tiff_tags_keep_compression(const struct picture_tags *tags);

// The same for a file of this form; their values are their own. What does not fit is
// left out, see picture_tags_losses. False without memory, after a message.
bool tiff_tags_fit(const struct tiff_form *form, struct tiff_tag out[TIFF_TAGS_MOST],
                   uint32_t *count);
const struct tiff_tag *tiff_tags_find(const struct tiff_tag *tags, uint32_t count,
                                      uint16_t number);
void tiff_tags_free(struct tiff_tag *tags, uint32_t count);

#endif
