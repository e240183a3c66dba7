// SPDX-License-Identifier: MIT
//
// Pairs to look at, of an evaluation or a validation: inputs, outputs and targets as
// image files in memory, with their scores. Of many pairs only the worst are kept and
// some that are evenly spread. A report shows them.

#ifndef EVALUATE_GALLERY_H
#define EVALUATE_GALLERY_H

#include "data/picture.h"
#include "evaluate/metrics.h"

#define GALLERY_WORST 50u
#define GALLERY_SPREAD 50u

// What the images take together, in base64 digits: the rest of the 20 MB of a page is
// for other images. Where they take more, fewer pairs are kept.
#define GALLERY_BYTES ((uint64_t)14000000)

// Images with longer sides are JPEG files, others PNG files.
#define GALLERY_PNG_SIDE 128u

struct gallery_pair;

struct gallery {
    enum pix_metric judge;    // which pairs are the worst
    uint32_t metrics;         // bits of those that have scores
    uint64_t most;            // how many pairs there are to come
    uint64_t count;           // pairs that were added
    struct gallery_pair *pairs;
    size_t kept, capacity;
};

// Makes an empty one of a zeroed one or of one from before.
void gallery_begin(struct gallery *g, uint64_t most, enum pix_metric judge,
                   uint32_t metrics);

// Adds the next pair; what it has is copied or encoded. False after a message.
bool gallery_add(struct gallery *g, const char *name, const struct scores *scores,
                 const struct picture *input, const struct picture *output,
                 const struct picture *target);

// One JSON object, see docs/training.md; `step` is left out where it is 0. The worst
// are marked. NULL after a message; mem_free.
char *gallery_text(struct gallery *g, uint64_t step);

void gallery_free(struct gallery *g);    // a zeroed one is fine

#endif
