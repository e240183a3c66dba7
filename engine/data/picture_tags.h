// SPDX-License-Identifier: MIT
//
// What a picture carries from its file to one that is made of it, beside its samples:
// of a TIFF where it lies on the earth, its resolution and profile, and how its samples
// are stored. See tiff_tags.c.

#ifndef DATA_PICTURE_TAGS_H
#define DATA_PICTURE_TAGS_H

#include "base/base.h"

struct picture_tags;

void picture_tags_free(struct picture_tags *tags);    // NULL is fine
// Sets *copy, NULL for NULL. False without memory, after a message; *copy is NULL then.
bool picture_tags_copy(const struct picture_tags *tags, struct picture_tags **copy);

// The samples were turned by the orientation of the file.
void picture_tags_set_turned(struct picture_tags *tags);

// What a file loses of it.
enum {
    PICTURE_LOSES_PLACE_BY_FORMAT = 1 << 0,    // this kind of file has no georeference
    PICTURE_LOSES_PLACE_BY_TURN = 1 << 1,    // its georeference is that of stored rows
    PICTURE_LOSES_PLACE = 1 << 2,            // it cannot be fitted to another size
    PICTURE_LOSES_PROFILE = 1 << 3,          // the ICC profile is of other colours
    PICTURE_LOSES_COMPRESSION = 1 << 4,      // it is not written so, but by deflate
    PICTURE_LOSES_DAMAGED = 1 << 5,          // a tag is damaged or too large
    PICTURE_LOSSES = 6,
};

// Bits of these, for a file of so many channels and this size. `tags` may be NULL.
uint32_t picture_tags_losses(const struct picture_tags *tags, bool is_tiff,
                             uint32_t channels, uint32_t width, uint32_t height);

#endif
