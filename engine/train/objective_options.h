// SPDX-License-Identifier: MIT
//
// The training step that the options of a run describe.

#ifndef TRAIN_OBJECTIVE_OPTIONS_H
#define TRAIN_OBJECTIVE_OPTIONS_H

#include "pix2pix.h"
#include "settings/settings.h"
#include "train/objective.h"

struct objective_options objective_options_of(const struct settings *s);

#endif
