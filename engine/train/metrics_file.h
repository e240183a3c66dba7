// SPDX-License-Identifier: MIT
//
// metrics.jsonl of a run: one JSON object a line for each logged step. It has whole
// lines only. What cannot be written stays in memory, up to 4 MiB, and is written with
// the next line.
//
// Functions that return bool log one message before they return false.

#ifndef TRAIN_METRICS_FILE_H
#define TRAIN_METRICS_FILE_H

#include "base/base.h"
#include "pix2pix.h"

#define METRICS_NAME "metrics.jsonl"

struct metrics_file {
    char *path;
    uint64_t size;    // bytes that the file has had
    bool is_torn;     // it ends in a part of a line, which begins at torn_at
    uint64_t torn_at;
    char *pending;    // lines that are not in the file yet
    size_t pending_size, pending_capacity;
    uint64_t lost_lines;    // for which there was no room here either
};

// The file in the folder of a run, without the lines of steps after `step`, for a
// zeroed struct. It is made if absent. Call metrics_file_close, after a failure too.
bool metrics_file_open(struct metrics_file *f, const char *run, uint64_t step);
// Forgets what is pending, after a warning; a zeroed one is fine.
void metrics_file_close(struct metrics_file *f);

// Adds a line to those that are pending; fields that are NaN become null.
void metrics_file_add(struct metrics_file *f, const struct pix_step_metrics *m);
bool metrics_file_has_pending(const struct metrics_file *f);

// Appends what is pending: all of it or nothing. Lasting: to the disk itself.
bool metrics_file_append(struct metrics_file *f, bool lasting);

// Reads the metrics of a run, whether it is under way or not: `line` gets each step in
// its order, and ends the reading where it returns false. `steps` is 0 and `is_best`
// false, since lines do not have them. A last line that is not ended is not read; other
// lines that are damaged are counted. A run without the file has none. False after a
// message.
bool metrics_file_read(const char *run,
                       bool (*line)(void *user, const struct pix_step_metrics *m),
                       void *user, uint64_t *damaged);

#endif
