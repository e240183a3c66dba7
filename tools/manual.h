// SPDX-License-Identifier: MIT
//
// The manual page docs/pix2pix.1, in the macros of man(7).

#ifndef TOOLS_MANUAL_H
#define TOOLS_MANUAL_H

#include "command.h"

#include <stddef.h>

// A subsection for one command; the whole page. On stdout.
void manual_print_command(const struct command *c);
void manual_print_program(const struct command_entry *entries, size_t count);

#endif
