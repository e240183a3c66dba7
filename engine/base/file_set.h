// SPDX-License-Identifier: MIT
//
// Files that must not be overwritten. They are compared by what they are and not by
// their paths: a file has many, by links, by "..", or where upper and lower case are
// the same.

#ifndef BASE_FILE_SET_H
#define BASE_FILE_SET_H

#include "base/os.h"

struct file_set_entry;

// A zeroed one is empty.
struct file_set {
    struct file_set_entry *entries;
    size_t count, capacity;
    bool is_sorted;
};

// Adds a file; one that does not exist is passed over. `path` must outlive the set.
// False after a message: out of memory, or it cannot be looked at.
bool file_set_add(struct file_set *set, const char *path);

// *found becomes the path by which a file was added that `path` leads to; NULL if there
// is none. False after a message if it cannot be looked at.
bool file_set_find(struct file_set *set, const char *path, const char **found);

void file_set_free(struct file_set *set);

#endif
