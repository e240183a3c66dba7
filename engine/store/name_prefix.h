// SPDX-License-Identifier: MIT
//
// What stands before the names of a network's tensors in a file: "module." where
// DataParallel wrapped the network, "_orig_mod." where torch.compile did, "netG." where
// a program keeps several networks in one dictionary; any number of them in any order.

#ifndef STORE_NAME_PREFIX_H
#define STORE_NAME_PREFIX_H

#include "base/base.h"

#define NAME_PREFIX_MAX 512u    // bytes; what is longer is not taken for a prefix

// The names of a file, one for each tensor.
struct name_list {
    const char *(*at)(const void *user, size_t i);
    size_t count;
    const void *user;
};

struct name_prefix {
    const char *text;    // a name that begins with the prefix
    size_t length;       // of the prefix in it, bytes; 0: there is none
    bool is_of_part;     // a word of it says whose tensors they are, so that tensors
                         // without this prefix belong to something else
    size_t others;       // tensors without it
    const char *first_other;    // NULL: there are none
};

// The prefix of a generator's or discriminator's tensors in a file that may have others
// too: one that names the network is better than one that names none, and that is
// better than one that names the other network. Of equally good ones the most frequent
// is taken.
struct name_prefix name_prefix_choose(const struct name_list *names, bool generator);

// Whether a name begins with it.
bool name_prefix_is_of(const struct name_prefix *prefix, const char *name);

#endif
