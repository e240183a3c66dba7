// SPDX-License-Identifier: MIT
//
// Whether two images show the same things in the same places: the correlation of their
// edges, also where they lie a little apart. What is light in one may be dark in the
// other, as in a photograph and a map.

#ifndef DATASET_ALIGNMENT_H
#define DATASET_ALIGNMENT_H

#include "data/picture.h"

struct alignment {
    bool is_known;    // both have edges, and no side is below 32 pixels
    // Where the second image fits best: what is at (x, y) of the first is at
    // (x + dx, y + dy) of the second, in pixels of the first. At most an eighth of the
    // smaller side, found in images of at most 256 pixels a side.
    double dx, dy;
    // Correlations, -1 to 1, where they are, and where they fit best.
    double here, best;
};

// Of grey images (features_find). False only without memory, after a message.
bool alignment_find(const struct picture *a, const struct picture *b,
                    struct alignment *alignment);

#endif
