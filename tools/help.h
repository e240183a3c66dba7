// SPDX-License-Identifier: MIT
//
// Help of the command and its subcommands, all of it from the tables that parse the
// command line: as text for a terminal, as the manual page docs/pix2pix.1, and as the
// tables of docs/.

#ifndef TOOLS_HELP_H
#define TOOLS_HELP_H

#include "options.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum help_format {
    HELP_TEXT,        // --help, -h: lines of at most 80 columns
    HELP_MAN,         // --help=man: a section of the manual page
    HELP_MARKDOWN,    // --help=markdown: tables of options
};

// Whether a word of the command line asks for help.
bool help_is_asked(const char *word, enum help_format *format);

// Prints the list of commands.
void help_print_usage(FILE *stream, const struct command_entry *entries, size_t count);

// Prints the help of one command, or of all of them together, on stdout.
void help_print_command(const struct command *c, enum help_format format);
void help_print_program(const struct command_entry *entries, size_t count,
                        enum help_format format);

// ---------------------------------------------------------------------------
// For tools/manual.c

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
bool help_get_row(const struct command *c, size_t i, struct help_row *row);
bool help_get_training_row(size_t i, struct help_row *row);

// Recipe i and the options that it sets, "--norm batch --bias auto ..."; `name` and
// `text` have room for `size` bytes. False: there is none.
bool help_get_recipe(size_t i, char *name, char *text, size_t size);

// Exit code i and its meaning, or NULL.
const char *help_get_exit_code(size_t i, int *code);

#endif
