// SPDX-License-Identifier: MIT
//
// The two folders of a run into which it writes again and again, and from which it
// removes files: checkpoints/ and samples/. People link them to another disk.
//
// Functions that return bool log one message before they return false.

#ifndef TRAIN_RUN_FOLDERS_H
#define TRAIN_RUN_FOLDERS_H

#include "base/base.h"

enum run_folder { RUN_CHECKPOINTS, RUN_SAMPLES, RUN_FOLDERS };

// Whether the folders may be used: what a link leads to is a folder of the user's.
bool run_folders_check(const char *run);

// Names the folders that are links, and where they lead; without memory it says
// nothing.
void run_folders_report(const char *run);

// Makes a folder if it is not there.
bool run_folders_make(const char *run, enum run_folder which);

// Removes the files that a killed run was writing there and in its own folder. What
// stays, for lack of memory too, is removed by the next start.
void run_folders_clean(const char *run);

#endif
