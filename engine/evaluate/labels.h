// SPDX-License-Identifier: MIT
//
// How well label maps agree: the confusion matrix over all pixels, and the three
// numbers of Isola et al. 2017, section 4.1 (those of Long, Shelhamer, Darrell, "Fully
// Convolutional Networks for Semantic Segmentation", 2015).

#ifndef EVALUATE_LABELS_H
#define EVALUATE_LABELS_H

#include "data/palette.h"
#include "pix2pix.h"

// Pixels by their class in the target and in what is compared with it.
struct confusion {
    uint32_t classes;
    uint64_t *pixels;    // [target][other]
    uint64_t strange;    // of the target, with a colour that the palette does not have
};

bool confusion_create(struct confusion *c,
                      uint32_t classes);    // false after a message
void confusion_free(struct confusion *c);
void confusion_add(struct confusion *sum, const struct confusion *c);

// Whether pictures are label maps by their samples: 8 bits, 1 or 3 channels.
bool labels_may_be(enum pixel_kind kind, uint32_t channels);

// Counts the pixels of two pictures of one size that are label maps. The class of a
// pixel is that of the palette's nearest colour.
void labels_compare(const struct palette *palette, const struct picture *x,
                    const struct picture *target, struct confusion *c);
// The same for one colour everywhere, in samples.
void labels_compare_colour(const struct palette *palette, const double *colour,
                           const struct picture *target, struct confusion *c);

// Whether an option names a file: it is neither NULL nor "auto".
bool labels_palette_is_named(const char *palette);

// palette_read with a message that begins with `command`.
bool labels_read_palette(const char *path, const char *command,
                         struct palette *palette);

// Whether a palette, which may be that of no image at all, does not have one colour:
// then every map would be right. False after a message that begins with `command`.
bool labels_check_palette(const struct palette *palette, const char *command);

// Warns of pixels of the targets that have no colour of the palette.
void labels_report(const struct confusion *c, const char *command);

// Pixel accuracy; the mean over the classes in the targets of the share of their pixels
// that are right; the mean over the classes in either of intersection over union. NaN
// without pixels.
struct pix_label_scores labels_score(const struct confusion *c);

#endif
