// SPDX-License-Identifier: MIT
//
// The files that an evaluation or a comparison reads. What is written of its result
// must be none of them: whoever gives a file to be read wants it kept.

#ifndef EVALUATE_READ_FILES_H
#define EVALUATE_READ_FILES_H

#include "base/file_set.h"
#include "data/data_source.h"
#include "data/listing.h"
#include "data/pairs.h"

// A zeroed one is empty. Paths are copied. Functions return false after a message.
struct read_files {
    struct file_set set;
    char **paths;
    size_t count, capacity;
};

bool read_files_add(struct read_files *files, const char *path);    // NULL adds nothing
bool read_files_add_pairs(struct read_files *files, const struct pair_list *list);

// Adds the pictures of a folder.
bool read_files_add_listing(struct read_files *files, const struct listing *listing);

// Adds the images of all splits, whichever of them are read this time, and their list.
bool read_files_add_source(struct read_files *files, const struct data_source *source);

// Adds the file of LPIPS weights that is named (lpips_file_is_named), or all that are
// kept for the program.
bool read_files_add_lpips(struct read_files *files, const char *path);

// Whether none of the outputs leads to one of the files, by whatever path. `command`
// begins the message.
bool read_files_keep(struct read_files *files, const char *const *outputs, size_t count,
                     const char *command);

void read_files_free(struct read_files *files);

// Whether one of the outputs is there: else there is nothing to keep, and the files
// need not be looked for.
bool read_files_matter(const char *const *outputs, size_t count);

#endif
