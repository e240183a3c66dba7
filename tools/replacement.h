// SPDX-License-Identifier: MIT
//
// A file that replaces another when it is whole.

#ifndef TOOLS_REPLACEMENT_H
#define TOOLS_REPLACEMENT_H

#include <stdbool.h>
#include <stdio.h>

// begin: opens a new file beside `path`, or beside what a link leads to; what is no
// regular file is opened itself. end closes it and puts it in place; if it can not, or
// not `keep`, what was there stays. False: errno says why.
struct replacement {
    FILE *file;
    char *target, *temporary;    // NULL where the file itself is open
};
bool replacement_begin(struct replacement *r, const char *path);
bool replacement_end(struct replacement *r, bool keep);

#endif
