// SPDX-License-Identifier: MIT
//
// The options of the training step, from the settings of a run.

#ifndef TRAIN_OBJECTIVE_OPTIONS_H
#define TRAIN_OBJECTIVE_OPTIONS_H

#include "pix2pix.h"
#include "settings/settings.h"
#include "train/objective.h"

struct objective_options objective_options_make(const struct settings *s);

#endif
