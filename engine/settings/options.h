// SPDX-License-Identifier: MIT
//
// Training options inside the engine: the struct with its initial values, single values
// by name, and copies that own their texts. The table is in table.h, recipes in
// recipes.h, files of options in options_file.h, rules in rules.h, what options
// describe in settings.h.

#ifndef SETTINGS_OPTIONS_H
#define SETTINGS_OPTIONS_H

#include "base/base.h"
#include "pix2pix.h"

// What the public functions of pix2pix.h with the same names give.
void options_init(struct pix_train_options *o);
void options_finish(struct pix_train_options *o);
bool options_set(struct pix_train_options *o, const char *name, const char *text);
const char *options_get(const struct pix_train_options *o, const char *name,
                        char *buffer, size_t size);

// A copy that owns its texts; options_finish frees it. On failure there is nothing to
// free.
bool options_copy(struct pix_train_options *to, const struct pix_train_options *from);

// A copy of a text that lives as long as the options. NULL if there is no memory.
const char *options_own_text(struct pix_train_options *o, const char *text);

// Sets one row from text; `where` names the option in messages. With `own` the struct
// keeps its own copy of a text. A recipe sets the options that make it, too.
bool options_set_row(struct pix_train_options *o, const struct pix_option *row,
                     const char *text, const char *where, bool own);

// Sets the options that make the recipe of `o`.
bool options_apply_recipe(struct pix_train_options *o);

// Each value against its row of the table.
bool options_check_values(const struct pix_train_options *o);

// Replaces the path of the data; the struct keeps its own copy.
bool options_set_data(struct pix_train_options *o, const char *data);

// The first option that a continued run keeps and that differs; NULL if none does. Both
// are resolved, but for kinds that are "auto", which may turn out as any. `data` is not
// compared: a path may change where its files do not.
const struct pix_option *options_kept_difference(const struct pix_train_options *a,
                                                 const struct pix_train_options *b);

#endif
