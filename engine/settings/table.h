// SPDX-License-Identifier: MIT
//
// The table of training options: its rows, the members that they name, and what they
// take.

#ifndef SETTINGS_TABLE_H
#define SETTINGS_TABLE_H

#include "base/base.h"
#include "pix2pix.h"

// Bounds that the table and the rules share. The largest crop: its activations would
// not fit any device, but sizes do not overflow.
#define TABLE_CROP_MAX 16384
#define TABLE_LEVELS_MAX 10
#define TABLE_LAYERS_D_MAX 6

const struct pix_option *table_rows(size_t *count);

// The row of a name, in which '_' may stand for '-'. NULL if there is none.
const struct pix_option *table_find(const char *name);

// A pointer to the member that a row describes, of the row's type.
void *table_field(const struct pix_option *row, struct pix_train_options *o);
const void *table_field_const(const struct pix_option *row,
                              const struct pix_train_options *o);

// Whether the member is a text, of whatever form; and that text, which may be NULL.
bool table_is_text(const struct pix_option *row);
const char *table_text(const struct pix_option *row, const struct pix_train_options *o);

bool table_is_recipe(const struct pix_option *row);

// Writes what a row takes ("a whole number from 1 to 1024"), for messages.
const char *table_describe(const struct pix_option *row, char *text, size_t size);

bool table_has_choice(const struct pix_option *row, const char *text);
// Whether a row of a text takes this one: one that is not empty, a choice, a range.
bool table_takes_text(const struct pix_option *row, const char *text);
bool table_in_range(const struct pix_option *row, double value);    // false for NaN
bool table_has_size(const struct pix_option *row, struct pix_size size);

#endif
