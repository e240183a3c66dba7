// SPDX-License-Identifier: MIT
//
// What a picture carries from its file to one that is made of it, beside its samples:
// an ICC profile; of a TIFF also where it lies on the earth, its resolution, and how
// its samples are stored. See tiff_tags.c.

#ifndef DATA_PICTURE_TAGS_H
#define DATA_PICTURE_TAGS_H

#include "base/pixel.h"

struct picture_tags;

void picture_tags_free(struct picture_tags *tags);    // NULL is fine
// Sets *copy, NULL for NULL. False without memory, after a message; *copy is NULL then.
bool picture_tags_copy(const struct picture_tags *tags, struct picture_tags **copy);

// Of a file that is no TIFF, of this size and so many colours, which has a profile:
// takes over its bytes. NULL: it has one that nobody can use. *tags is NULL without
// memory, after a message.
bool picture_tags_create(uint32_t width, uint32_t height, uint32_t colours,
                         void *profile, size_t size, struct picture_tags **tags);
// The profile for a file of so many colours, and its size; NULL: there is none for it.
const void *picture_tags_profile(const struct picture_tags *tags, uint32_t colours,
                                 size_t *size);

// The samples were turned by the orientation of the file.
void picture_tags_set_turned(struct picture_tags *tags);

// What a file loses of it.
enum {
    PICTURE_LOSES_PLACE_BY_FORMAT = 1 << 0,    // this kind of file has no georeference
    PICTURE_LOSES_PLACE_BY_TURN = 1 << 1,    // its georeference is that of stored rows
    PICTURE_LOSES_PLACE = 1 << 2,            // it cannot be fitted to another size
    PICTURE_LOSES_PROFILE = 1 << 3,          // it is of other colours
    PICTURE_LOSES_PROFILE_BY_FORMAT = 1 << 4,    // this kind of file has none
    PICTURE_LOSES_COMPRESSION = 1 << 5,          // it is not written so, but by deflate
    PICTURE_LOSES_DAMAGED = 1 << 6,    // a tag or profile is malformed or too large
    // The number that stands for no data is none of its kind, or the samples are not
    // those of the file.
    PICTURE_LOSES_NO_DATA = 1 << 7,
    PICTURE_LOSES_PALETTE = 1 << 8,    // that of classes: its colours are RGB
    PICTURE_LOSSES = 9,
};

struct palette;

// What a kind of file can hold of it.
struct picture_holds {
    bool place, profile;    // and what else a TIFF has; a profile
    bool is_rgb;            // grey is written as RGB
    bool palette;           // the colours of classes
};

// Bits of these, for a file of so many channels and this size. `tags` may be NULL.
uint32_t picture_tags_losses(const struct picture_tags *tags,
                             struct picture_holds holds, uint32_t channels,
                             uint32_t width, uint32_t height);

// The number that stands for no data (GDAL_NODATA) in samples of a kind. False: the
// file names none, or the kind has no such number. `tags` may be NULL.
bool picture_tags_no_data(const struct picture_tags *tags, enum pixel_kind kind,
                          double *number);
// Whether a file of this kind, or of the indices of a palette, has no such tag,
// although the one it is from has.
bool picture_tags_lose_no_data(const struct picture_tags *tags, enum pixel_kind kind,
                               const struct palette *palette);

#endif
