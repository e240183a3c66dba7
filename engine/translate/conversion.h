// SPDX-License-Identifier: MIT
//
// Counts of images whose samples were converted to another kind, and the words that are
// said of them once for all.

#ifndef TRANSLATE_CONVERSION_H
#define TRANSLATE_CONVERSION_H

#include "base/pixel.h"

// What becomes of samples outside the range of inputs.
#define CONVERSION_CLAMPED "count as its ends: --input-range LO:HI names another"

struct conversions {
    uint32_t images;               // all that were looked at
    uint32_t from[PIXEL_KINDS];    // those that were converted, by what they were
    uint32_t clipped;              // of these, floats outside [-1, 1]
    uint32_t beyond;               // floats outside [-1, 1] that were used unchanged
    uint32_t narrow;               // likely to be of 8 bits, though not read as such
    // Samples of images that have a range, and those of them that are outside.
    uint64_t samples, outside;
};

// Counts an image of this kind that is used as another one, which may be the same.
// `exceeds` is picture_exceeds_range of it.
void conversion_count(struct conversions *c, enum pixel_kind from, enum pixel_kind to,
                      bool exceeds);

// Takes out of the counts what conversion_report says of others: that some images of a
// kind were converted, and that some were clipped.
void conversion_leave_out(struct conversions *c, const struct conversions *told);

// Says what was converted: a warning where numbers may be lost, else an info. `command`
// is what the message begins with, "translate"; `what` names an image, "input"; `why`
// says who wants this kind.
void conversion_report(const struct conversions *c, const char *command,
                       const char *what, enum pixel_kind to, const char *why);

// Warns of arrays that are likely to be of 8 bits (picture.h, is_narrow), which the
// caller counts.
void conversion_report_narrow(const struct conversions *c, const char *command,
                              const char *what);

// Says which share of the samples is outside the range, if any is: a warning where it
// is more than a hundredth. `effect` is what becomes of them.
void conversion_report_outside(const struct conversions *c, const char *command,
                               const char *what, struct pixel_range range,
                               const char *effect);

// Warns of floats outside [-1, 1] that reach a network of which nothing is known.
void conversion_report_range(const struct conversions *c, const char *command,
                             const char *what);

// Warns of floats outside [-1, 1] that an output is compared with.
void conversion_report_reach(const struct conversions *c, const char *command,
                             const char *what);

#endif
