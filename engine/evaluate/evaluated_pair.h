// SPDX-License-Identifier: MIT
//
// A pair as a model takes it: read at its size, and as its kinds of samples.

#ifndef EVALUATE_EVALUATED_PAIR_H
#define EVALUATE_EVALUATED_PAIR_H

#include "data/pairs.h"
#include "settings/settings.h"

// `found` is what the files have. The pictures are converted to the kinds of the model
// where they are known.
struct evaluated_pair {
    struct picture input, target;
    struct picture labels;    // see evaluated_pair_read_labels; empty: the target
    struct pair_notes notes;
    enum pixel_kind found[2];    // of the input, of the target
};

// Reads both sides at the model's size, see settings_fit_to_compare, and as its
// kinds where they are known. On failure as pair_read, and there is nothing to free.
bool evaluated_pair_read(const struct pair_file *file, const struct settings *s,
                         struct evaluated_pair *pair, const char **culprit,
                         struct reason *reason);

// The same, but all of a pair of which only the middle is compared: of any size.
bool evaluated_pair_read_all(const struct pair_file *file, const struct settings *s,
                             struct evaluated_pair *pair, const char **culprit,
                             struct reason *reason);

// Reads the target once more, where it is resized, for its classes: as `labels`, each
// pixel of which is one of the file, since a filter makes colours that lie between two
// classes and may be those of a third. On failure as above, and the pair is freed.
bool evaluated_pair_read_labels(const struct pair_file *file, const struct settings *s,
                                struct evaluated_pair *pair, const char **culprit,
                                struct reason *reason);

void evaluated_pair_free(struct evaluated_pair *pair);    // a zeroed one is fine

#endif
