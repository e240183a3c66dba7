// SPDX-License-Identifier: MIT
//
// A file that replaces another once it is complete.

#ifndef TOOLS_REPLACEMENT_H
#define TOOLS_REPLACEMENT_H

#include <stdbool.h>
#include <stdio.h>

// replacement_begin opens a new file beside `path`, or beside the file that a link
// leads to; what is not a regular file (a pipe, a terminal) is opened itself.
// replacement_end closes it and moves it into place; without `keep`, or if that fails,
// an existing file stays as it is. False: errno says why.
struct replacement {
    FILE *file;
    char *target, *temporary;    // NULL where the file itself is open
};
bool replacement_begin(struct replacement *r, const char *path);
// The same, but a link at `path` is itself replaced, and so is what is no regular file.
bool replacement_begin_here(struct replacement *r, const char *path);
bool replacement_end(struct replacement *r, bool keep);

#endif
