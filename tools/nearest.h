// SPDX-License-Identifier: MIT
//
// What somebody may have meant by an option that does not exist.

#ifndef TOOLS_NEAREST_H
#define TOOLS_NEAREST_H

#include "command.h"

// What an option of the PyTorch port is in this command, as the rest of a sentence;
// NULL if it is none that has another name here. `name` is without "--" and `length`
// long.
const char *nearest_of_port(const struct command *c, const char *name, size_t length);

// The option of the command whose name differs least, NULL if none is near.
const char *nearest_option(const struct command *c, const char *name, size_t length);

#endif
