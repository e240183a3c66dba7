// SPDX-License-Identifier: MIT
//
// The rules that training options must keep, and what they leave to be filled in. All
// functions here that return bool log one message before they return false.

#ifndef SETTINGS_RULES_H
#define SETTINGS_RULES_H

#include "base/base.h"
#include "pix2pix.h"
#include "settings/settings.h"

// Checks each value, and that they fit together; the message says which option to
// change. `need_paths`: data and out must be given too.
bool options_check(const struct pix_train_options *o, bool need_paths);

// Checks, then fills in what follows from other options: load_size, depth, n_layers_d
// and norm_d. On failure the options are as they were. Resolved options stay the same.
bool options_resolve(struct pix_train_options *o);

// The same with s->options, and sets the rest of `s` from them. On failure the options
// are as they were, the rest may not be.
bool settings_resolve(struct settings *s);

// Makes the settings of a resolved copy of these options, in which the file of a
// palette has been read; settings_finish frees them.
// On failure there is nothing to free.
bool settings_init(struct settings *s, const struct pix_train_options *o);

// Checks that the generator can have so many levels, and that the crop can be halved so
// often: a part of the above.
bool settings_check_levels(const struct settings *s);

// Whether a palette has as many colours as a network may have classes, and the options
// of label maps fit it; `name` is for the message.
bool settings_check_palette(const struct settings *s, const struct palette *palette,
                            const char *name);

// Warns about each option that differs from its recipe but has no effect with the
// others, or not all of that which it asks for.
void settings_warn_about_unused(const struct settings *s);

#endif
