// SPDX-License-Identifier: MIT
//
// The struct of training options: initial values, single values by name, and copies
// that own their texts. table.h has its members as a table, recipes.h the options of a
// recipe, options_file.h reads and writes files of options, rules.h checks them, and
// settings.h has what they mean.

#ifndef SETTINGS_OPTIONS_H
#define SETTINGS_OPTIONS_H

#include "base/base.h"
#include "pix2pix.h"

// See the functions of pix2pix.h with the same names (pix_train_options_init and so
// on).
void options_init(struct pix_train_options *o);
void options_finish(struct pix_train_options *o);
bool options_set(struct pix_train_options *o, const char *name, const char *text);
const char *options_get(const struct pix_train_options *o, const char *name,
                        char *buffer, size_t size);

// A copy that owns its texts; options_finish frees it. On failure there is nothing to
// free.
bool options_copy(struct pix_train_options *to, const struct pix_train_options *from);

// A copy of a text that lives until options_finish. NULL if out of memory.
const char *options_own_text(struct pix_train_options *o, const char *text);

// Sets one row from text; `where` names the option in messages. With `own` the struct
// keeps its own copy of a text, otherwise the pointer. The row "recipe" also sets the
// options of that recipe. False after a message, with nothing changed but what a recipe
// had set before.
bool options_set_row(struct pix_train_options *o, const struct pix_option *row,
                     const char *text, const char *where, bool own);

// Reads "256" or "512x256", sides of decimal digits. False: it is neither.
bool options_parse_size(const char *text, struct pix_size *size);

// Sets the options that belong to the recipe of `o`.
bool options_apply_recipe(struct pix_train_options *o);

// Checks each value against its row of the table; false after a message.
bool options_check_values(const struct pix_train_options *o);

// Replaces the path of the data; the struct keeps its own copy.
bool options_set_source(struct pix_train_options *o, const char *path);

// The first option that differs though a resumed run must keep it; NULL if there is
// none. Both structs are resolved, but a kind or the precision may still be "auto",
// which equals any, and so may a range, which equals any but "full". `data` is not
// compared: a folder may have moved.
const struct pix_option *options_find_difference(const struct pix_train_options *a,
                                                 const struct pix_train_options *b);

#endif
