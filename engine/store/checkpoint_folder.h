// SPDX-License-Identifier: MIT
//
// The checkpoints of a run: RUN/checkpoints/step-00000020.safetensors, by their steps.

#ifndef STORE_CHECKPOINT_FOLDER_H
#define STORE_CHECKPOINT_FOLDER_H

#include "base/base.h"

// "RUN/checkpoints" and "RUN/checkpoints/step-00000020.safetensors"; caller frees. NULL
// when out of memory.
char *checkpoint_folder(const char *run);
char *checkpoint_path(const char *run, uint64_t step);

// "RUN/checkpoints/best.safetensors", that of the best validation, which a run with the
// option `best` has beside the newest ones.
char *checkpoint_best_path(const char *run);

// Steps of the checkpoints in a run, without that file, the newest first; none if there
// is no folder. False after one message, also if a checkpoint is a symbolic link; the
// folder itself may be one. Caller frees *steps with mem_free.
bool checkpoint_list(const char *run, uint64_t **steps, size_t *count);

// What can be chosen in a run, in words: "400, 300, 200, 100 and 6 older ones, and
// best", or "none". Caller frees; NULL after a message.
char *checkpoint_names(const char *run);

// Removes all but the `keep` newest of those up to step `newest`; later ones, which a
// continued run has not reached yet, stay, and so does that of step `finite`, the
// newest one without infinities and NaN. A file that cannot be removed gets a warning.
void checkpoint_prune(const char *run, uint64_t newest, uint32_t keep, uint64_t finite);

#endif
