// SPDX-License-Identifier: MIT
//
// What outputs do not have of the files that they are made of (data/picture_tags.h),
// counted, and said once for all.

#ifndef TRANSLATE_LOSSES_H
#define TRANSLATE_LOSSES_H

#include "data/picture.h"

// Of an output that is to be written there, with the tags that it has.
uint32_t losses_of(const char *path, const struct picture *output);

// `losses` has the bits of each of `count` outputs, whose inputs have these paths.
// `command` is what the messages begin with.
void losses_report(const uint32_t *losses, size_t count,
                   const char *(*path)(void *user, size_t index), void *user,
                   const char *command);

#endif
