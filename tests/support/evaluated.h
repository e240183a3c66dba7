// SPDX-License-Identifier: MIT
//
// The L1 that pix_evaluate finds, for tests that look at nothing else.

#ifndef SUPPORT_EVALUATED_H
#define SUPPORT_EVALUATED_H

#include "pix2pix.h"

struct evaluated {
    uint32_t pairs, broken;
    double l1, l1_copy, l1_mean_colour;    // means
};

// See pix_evaluate.
bool evaluated_find(pix_translator *translator, const char *data, const char *split,
                    const char *grid, uint32_t grid_rows, struct evaluated *out);

#endif
