// SPDX-License-Identifier: MIT
//
// The folder of a run:
//
//     config.json      the resolved options
//     tuning.json      its table of kernels, see ops/tuning.h
//     metrics.jsonl    one JSON object a line for each logged step
//     samples/         contact sheets, see trainer.c
//     checkpoints/     see store/checkpoint_folder.h
//     lock             an empty file, locked while a process trains here
//
// Functions that return bool log one message before they return false.

#ifndef TRAIN_RUN_H
#define TRAIN_RUN_H

#include "base/base.h"
#include "ops/tuning.h"
#include "pix2pix.h"

#include <stdio.h>

struct run {
    struct os_lock *lock;
    bool is_new;    // there was no run to resume
    char *metrics_path;
    FILE *metrics;
};

// Checks that the run can begin in o->out, or be resumed there if o->continue_run; `o`
// is resolved. A new run needs a folder that does not exist or is empty; so does a run
// to be resumed that has not begun yet. A resumed run keeps its options but for those
// that may change (may_change in the option table).
bool run_check(const struct pix_train_options *o, bool *is_new);

// The same, and locks an existing run. Call run_close, after a failure too.
bool run_begin(struct run *r, const struct pix_train_options *o);

// Reads the table of a resumed run into a zeroed one. It stays empty, which means the
// built-in choices, where the run has none: older versions wrote none.
bool run_read_tuning(const struct pix_train_options *o, struct tuning *t);

// Makes what is missing, writes config.json and tuning.json, removes the temporary
// files of a killed run, cuts off the metrics of steps after `step`, and opens the
// metrics for appending.
bool run_open(struct run *r, const struct pix_train_options *o,
              const struct tuning *tuning, uint64_t step);
void run_close(struct run *r);    // a zeroed one is fine

// Appends a line; fields that are NaN become null.
bool run_write_metrics(struct run *r, const struct pix_step_metrics *m);
bool run_sync_metrics(struct run *r);    // to the disk

#endif
