// SPDX-License-Identifier: MIT
//
// Statistics of the samples of a data set. See pix_dataset_stats.

#ifndef DATASET_PIXEL_STATISTICS_H
#define DATASET_PIXEL_STATISTICS_H

#include "pix2pix.h"

bool pixel_statistics_find(const struct pix_dataset_options *options,
                           struct pix_dataset_statistics *statistics);
void pixel_statistics_free(struct pix_dataset_statistics *statistics);

#endif
