// SPDX-License-Identifier: MIT
//
// One image through a translator in tiles. The image is read once for its translation,
// and once more for each norm that has to be measured before: norms come one after the
// other, and each looks at what the ones in front of it have made of the whole image.

#ifndef TRANSLATE_TILES_H
#define TRANSLATE_TILES_H

#include "data/rows.h"
#include "translate/translator.h"

// Pixels of an image, TASK_FACTOR_MAX times of which can be counted.
#define TILES_MAX_SIDE ((uint32_t)1 << 26)

// What is done with an output as soon as its kind and size are known. NULL after a
// message.
typedef struct row_writer *tiles_open(void *user, const struct picture *form);

// What one message says of many images.
struct tiles_notes {
    uint64_t moved;              // samples that would have stood for no data, see
                                 // data/no_data.h
    uint64_t pixels, strange;    // see struct task_rest
};

// Translates what `reader` has; `path` is that of its file, or NULL. `output` is the
// kind that is wanted where outputs follow their inputs, else PIXEL_KINDS.
// PIX_TRANSLATE_PENDING: the caller wanted it to end, which the one that calls this
// says; else not PIX_TRANSLATE_DONE after a message.
enum pix_translate_result tiles_translate(struct translator *t,
                                          struct row_reader *reader, const char *path,
                                          enum pixel_kind output, tiles_open *open,
                                          void *user, struct tiles_notes *notes);

// The same of a picture to a picture, which is empty after a failure.
enum pix_translate_result tiles_translate_picture(struct translator *t,
                                                  const struct picture *in,
                                                  struct picture *out);

// What a tile of such an image needs. False after a message.
bool tiles_plan(struct translator *t, const struct picture *form, struct pix_plan *out);

#endif
