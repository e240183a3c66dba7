// SPDX-License-Identifier: MIT
//
// The rules that training options keep among one another.

#ifndef SETTINGS_RULES_H
#define SETTINGS_RULES_H

#include "base/base.h"
#include "pix2pix.h"

// Checks every value and that they fit together; the message says what to do.
// `need_paths`: data and out must be given too.
bool options_check(const struct pix_train_options *o, bool need_paths);

// Checks, then fills in what follows from other options: load_size, depth, n_layers_d
// and norm_d. On failure the options are as they were. Resolved options stay the same.
bool options_resolve(struct pix_train_options *o);

// A warning for each option that was changed but has no part in what the others
// describe. They are resolved.
void options_warn_of_unused(const struct pix_train_options *o);

#endif
