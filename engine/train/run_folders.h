// SPDX-License-Identifier: MIT
//
// The folders of a run into which it writes again and again, and from which it removes
// files: checkpoints/, samples/ and report/. People link them to another disk, and a
// copy of a run has the same links: a folder belongs to one run, whose path is in its
// hidden file .pix2pix.lock. That is locked, and so is the folder, while the run is
// trained.
//
// Functions that return bool log one message before they return false.

#ifndef TRAIN_RUN_FOLDERS_H
#define TRAIN_RUN_FOLDERS_H

#include "base/os.h"

enum run_folder { RUN_CHECKPOINTS, RUN_SAMPLES, RUN_REPORT, RUN_FOLDERS };

// Whether the folders may be used: what a link leads to is a folder of the user's.
bool run_folders_check(const char *run);

// Names the folders that are links, and where they lead; without memory it says
// nothing.
void run_folders_report(const char *run);

struct run_folders {
    struct os_lock *locks[RUN_FOLDERS];    // NULL: none, or locked by another way to it
    struct os_file_id ids[RUN_FOLDERS];    // of what was locked
};

// Locks the folders that are there, for a zeroed struct. False if one is another run's.
// Call run_folders_release, after a failure too.
bool run_folders_lock(struct run_folders *f, const char *run);
void run_folders_release(struct run_folders *f);

// Makes a folder if it is not there, and locks it if it is another one than before.
bool run_folders_make(struct run_folders *f, const char *run, enum run_folder which);

// Removes the files that a killed run was writing there and in its own folder. What
// stays, for lack of memory too, is removed by the next start.
void run_folders_clean(const char *run);

#endif
