// SPDX-License-Identifier: MIT
//
// Folders of scratch files.

#ifndef SUPPORT_TREE_H
#define SUPPORT_TREE_H

#include <stdbool.h>
#include <stdint.h>

// Removes a file, or a folder with all that is in it; none is fine. False if something
// stays.
bool test_remove_tree(const char *path);

// Cuts a file off at a size, or lengthens it with zeros.
bool test_resize_file(const char *path, uint64_t size);

#endif
