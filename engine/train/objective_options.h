// SPDX-License-Identifier: MIT
//
// The options of the training step, from the settings of a run.

#ifndef TRAIN_OBJECTIVE_OPTIONS_H
#define TRAIN_OBJECTIVE_OPTIONS_H

#include "pix2pix.h"
#include "settings/settings.h"
#include "train/objective.h"

struct objective_options objective_options_make(const struct settings *s);

// Builds the step that these settings describe, see objective_build. A message says
// which option makes a graph smaller that is too large, and begins with `command`.
// False after it.
bool objective_options_build(struct graph *g, struct weights *generator,
                             struct weights *discriminator, const struct settings *s,
                             const char *command, struct objective *out);

#endif
