// SPDX-License-Identifier: MIT
//
// The rules that training options keep among one another.

#ifndef SETTINGS_RULES_H
#define SETTINGS_RULES_H

#include "base/base.h"
#include "pix2pix.h"
#include "settings/settings.h"

// Checks every value and that they fit together; the message says what to do.
// `need_paths`: data and out must be given too.
bool options_check(const struct pix_train_options *o, bool need_paths);

// Checks, then fills in what follows from other options: load_size, depth, n_layers_d
// and norm_d. On failure the options are as they were. Resolved options stay the same.
bool options_resolve(struct pix_train_options *o);

// The same with s->options, and everything else of `s` is set from them.
bool settings_resolve(struct settings *s);

// The settings of a copy of these options, resolved; settings_finish frees it. On
// failure there is nothing to free.
bool settings_init(struct settings *s, const struct pix_train_options *o);

// Whether the levels of the generator are possible and fit the crop; a part of the
// above. False after a message.
bool settings_check_levels(const struct settings *s);

// A warning for each option that was changed but has no part in what the others
// describe.
void settings_warn_of_unused(const struct settings *s);

#endif
