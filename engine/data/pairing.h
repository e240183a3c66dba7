// SPDX-License-Identifier: MIT
//
// Which files of two folders are pairs: those with equal stems (stems.h), first by
// their bytes, then what is left by normal form. Case is not folded: where a file
// system tells A.png and a.png apart, they may be two pictures.

#ifndef DATA_PAIRING_H
#define DATA_PAIRING_H

#include "data/listing.h"
#include "data/pairs.h"

struct pairing_file {
    const char *name;    // the listing's
    char *key;           // NULL: not needed
    enum { PAIRING_ALONE, PAIRING_PAIRED, PAIRING_DOUBLE } state;
    size_t other;    // index of the partner, or of the file with this stem that is used
};

struct pairing_side {
    const struct listing *listing;
    struct pairing_file *files;    // by stem, then by extension
    size_t count;
};

struct pairing {
    struct pairing_side a, b;
    size_t pairs;
};

// Of several files with one stem the first is used. The listings outlive the pairing.
// False without memory, after a message.
bool pairing_find(const struct listing *a, const struct listing *b, struct pairing *p);
void pairing_free(struct pairing *p);    // a zeroed one is fine

// Whether less than half of the files of a side have partners, of which images whose
// kind is not read are some. False without memory, after a message.
bool pairing_is_poor(const struct pairing *p, bool *is_poor);

// Appends the pairs to a list that has room for them, in the order of the stems in A.
bool pairing_add(const struct pairing *p, struct pair_list *list);

// Warns of files without a partner and of those whose stem another file has, with
// numbers and examples. False without memory, after a message.
bool pairing_report(const struct pairing *p);

// How many files have a partner that cannot be read, by its extension, and one of
// these.
bool pairing_count_unread(const struct pairing *p, size_t *count, const char **example);

#endif
