// SPDX-License-Identifier: MIT
//
// See tree.h.

#define _XOPEN_SOURCE 700
#define _FILE_OFFSET_BITS 64    // files over 2 GiB on 32-bit systems

#include "support/tree.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <unistd.h>

static int remove_entry(const char *path, const struct stat *info, int type,
                        struct FTW *at)
{
    (void)info;
    (void)type;
    (void)at;
    return remove(path);
}

bool test_remove_tree(const char *path)
{
    // Also a link to nothing, which does not exist for those who follow it.
    return nftw(path, remove_entry, 8, FTW_DEPTH | FTW_PHYS) == 0 || errno == ENOENT;
}

bool test_resize_file(const char *path, uint64_t size)
{
    return truncate(path, (off_t)size) == 0;
}
