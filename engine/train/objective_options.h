// SPDX-License-Identifier: MIT
//
// The training step that the options of a run describe.

#ifndef TRAIN_OBJECTIVE_OPTIONS_H
#define TRAIN_OBJECTIVE_OPTIONS_H

#include "pix2pix.h"
#include "train/objective.h"

// The options are resolved.
struct objective_options options_objective(const struct pix_train_options *o);

#endif
