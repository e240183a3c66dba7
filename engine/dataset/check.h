// SPDX-License-Identifier: MIT
//
// Finds what is odd in a data set. See pix_dataset_check.

#ifndef DATASET_CHECK_H
#define DATASET_CHECK_H

#include "pix2pix.h"

bool check_dataset(const struct pix_dataset_options *options, const char *sheet,
                   struct pix_dataset_report *report);

#endif
