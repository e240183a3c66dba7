// SPDX-License-Identifier: MIT
//
// Folders of scratch files.

#ifndef SUPPORT_TREE_H
#define SUPPORT_TREE_H

#include <stdbool.h>

// Removes a file, or a folder with all that is in it; none is fine. False if something
// stays.
bool test_remove_tree(const char *path);

#endif
