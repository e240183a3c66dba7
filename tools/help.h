// SPDX-License-Identifier: MIT
//
// Help of the command and its subcommands, all of it from the tables that parse the
// command line: as text for a terminal, as the manual page docs/pix2pix.1, and as the
// tables of docs/.

#ifndef TOOLS_HELP_H
#define TOOLS_HELP_H

#include "command.h"

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

// Prints docs/licences.md on stdout.
void help_print_licences(void);

// Prints the help of one command, or of all of them together, on stdout.
void help_print_command(const struct command *c, enum help_format format);
void help_print_program(const struct command_entry *entries, size_t count,
                        enum help_format format);

#endif
