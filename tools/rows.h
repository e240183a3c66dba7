// SPDX-License-Identifier: MIT
//
// The rows that help is made of: options with their defaults, recipes, exit codes.

#ifndef TOOLS_ROWS_H
#define TOOLS_ROWS_H

#include "command.h"

#include <stdbool.h>
#include <stddef.h>

// The arguments of struct device_arguments, in its order; `target` is NULL.
#define ROWS_DEVICE_COUNT 4
extern const struct argument rows_device[ROWS_DEVICE_COUNT];

// One option as help shows it.
struct help_row {
    const char *group;    // heading that begins with this row, or NULL
    const char *name;     // without dashes
    const char *value;    // word for its value; NULL: a flag
    const char *help;
    const char *initial;    // its default; NULL: it has none
    char text[64];          // what `initial` may point to
};

// Row i of the command's own options, those of its device included; of the training
// options. False: there is none.
bool rows_get_own(const struct command *c, size_t i, struct help_row *row);
bool rows_get_training(size_t i, struct help_row *row);

// Recipe i and the options that it sets, "--norm batch --bias auto ..."; `name` and
// `text` have room for `size` bytes. False: there is none.
bool rows_get_recipe(size_t i, char *name, char *text, size_t size);

// Exit code i and its meaning, or NULL.
const char *rows_get_exit_code(size_t i, int *code);

#endif
