// SPDX-License-Identifier: MIT
//
// How far something is that takes many files, for people who wait: on a terminal at
// once and several times a second, in a log after a while and then seldom.

#ifndef BASE_PROGRESS_H
#define BASE_PROGRESS_H

#include <stddef.h>

// Where it is shown: a function that is given one line, or NULL: the log, level info.
struct progress_view {
    void (*show)(void *user, const char *text);
    void *user;
};

// The caller sets the first members, which must stay as long as it is used.
struct progress {
    struct progress_view view;
    const char *area;      // that messages in the log begin with, "dataset"
    const char *what;      // "checking images"
    const char *folder;    // of them, for the log
    size_t count;          // of them
    double shown, pause;
};

void progress_begin(struct progress *progress);
void progress_update(struct progress *progress, size_t done);

#endif
