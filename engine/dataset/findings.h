// SPDX-License-Identifier: MIT
//
// What was found in a data set, as a list that owns its texts.

#ifndef DATASET_FINDINGS_H
#define DATASET_FINDINGS_H

#include "base/base.h"
#include "pix2pix.h"

// A finding, and the items of the survey whose images show it.
struct found {
    struct pix_finding finding;
    size_t item, other;    // FOUND_NONE: none
};

#define FOUND_NONE ((size_t)-1)

// Zeroed: empty. `failed`: memory was missing, after a message.
struct findings {
    struct found *list;
    size_t count, capacity;
    bool failed;
};

const char *finding_name(enum pix_finding_kind kind);

// Adds one about a file; `about` has all but the text, which is copied like the paths.
void findings_add(struct findings *f, const struct found *about, const char *text);

// Sorts by kind, then by item.
void findings_sort(struct findings *f);

// Hands them over and counts them. False without memory, after a message. The report is
// freed with findings_free_report.
bool findings_hand_over(struct findings *f, struct pix_dataset_report *report);
void findings_free(struct findings *f);
void findings_free_report(struct pix_dataset_report *report);

#endif
