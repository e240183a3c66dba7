// SPDX-License-Identifier: MIT
//
// The rest of check: what its files share.

#ifndef DATASET_CHECK_INSIDE_H
#define DATASET_CHECK_INSIDE_H

#include "dataset/alignment.h"
#include "dataset/features.h"
#include "dataset/findings.h"
#include "dataset/survey.h"

// What is known of a pair, by its number in the survey.
struct entry {
    bool is_read, has_b;
    struct features sides[2];    // A and B
    struct alignment alignment;
    bool failed;             // without memory
    const char *culprit;     // a path of the survey's
    struct reason reason;    // why it was not read
};

struct check {
    struct survey survey;
    struct entry *entries;
    struct findings findings;
};

// "a.png" or, where it is in another split, "a.png, which is for test".
enum { CHECK_NAME_SIZE = 4096 + 64, CHECK_TEXT_SIZE = CHECK_NAME_SIZE + 512 };
const char *check_name(const struct check *c, size_t item, size_t seen_from, bool is_b,
                       char text[CHECK_NAME_SIZE]);

static inline bool check_is_of_singles(const struct check *c)
{
    return c->survey.source.files == DATA_IMAGES;
}

// Adds a finding about a side, or about both where `side` is 0 and files hold both.
// `other` is another item or FOUND_NONE.
void check_add(struct check *c, enum pix_finding_kind kind, size_t item, int side,
               size_t other, const char *format, ...) PRINTF_LIKE(6, 7);

// check_likeness.c: pairs that are like others. False without memory, after a message.
bool check_likeness(struct check *c);

// check_sides.c: single images that are odd, or unlike the others of their side; A and
// B that do not fit each other. The second: false without memory.
void check_images(struct check *c);
bool check_sides(struct check *c);

// check_sheet.c: see pix_dataset_check. False after a message.
bool check_draw(struct check *c, const char *path);

#endif
