// SPDX-License-Identifier: MIT
//
// LPIPS with weights that a formula gives, the one of tests/golden/lpips.py.

#ifndef SUPPORT_LPIPS_WEIGHTS_H
#define SUPPORT_LPIPS_WEIGHTS_H

#include "models/lpips.h"
#include "support/check.h"

enum lpips_backbone lpips_weights_backbone(const char *name);    // "alex"

// Names and shapes, with no memory on a device; the caller destroys them.
struct weights *lpips_weights_create(enum lpips_backbone b);

// The middle of the biases is `biases`; in the script it is 0.
void lpips_weights_draw(const struct weight *w, enum lpips_backbone b, double biases,
                        float *values);

// One file of torch.save with all of them.
void lpips_weights_write(const char *path, enum lpips_backbone b);

#endif
