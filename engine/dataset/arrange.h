// SPDX-License-Identifier: MIT
//
// Data sets as other folders: pairs in one image or in two, splits. What there is stays
// as it is.

#ifndef DATASET_ARRANGE_H
#define DATASET_ARRANGE_H

#include "pix2pix.h"

// See pix_dataset_combine, pix_dataset_separate and pix_dataset_split.
bool arrange_combined(const struct pix_dataset_options *options, const char *out,
                      uint64_t *written, uint64_t *failed);
bool arrange_separated(const struct pix_dataset_options *options, const char *out,
                       uint64_t *written, uint64_t *failed);
bool arrange_split(const struct pix_dataset_options *options, const char *out,
                   uint64_t copied[3]);

#endif
