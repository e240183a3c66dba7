// SPDX-License-Identifier: MIT
//
// The folder of a run: config.json (the resolved options), tuning.json (its table of
// kernels), metrics.jsonl (a line for each logged step), samples/ and checkpoints/
// (what is in those: trainer.c, checkpoint.h), and lock, an empty file that is locked
// while a process trains here.

#ifndef TRAIN_RUN_H
#define TRAIN_RUN_H

#include "base/base.h"
#include "ops/tuning.h"
#include "pix2pix.h"

#include <stdio.h>

struct run {
    struct os_lock *lock;
    bool is_new;    // nothing was there to go on with
    char *metrics_path;
    FILE *metrics;
};

// Whether the run can begin in o->out, or go on if o->continue_run; `o` is resolved. A
// new run takes a folder that does not exist or is empty, and so does a continued one
// that has not begun yet. Otherwise it keeps its options but those that may change.
bool run_check(const struct pix_train_options *o, bool *is_new);

// The same, and an existing run is locked. run_close is due, also after a failure.
bool run_begin(struct run *r, const struct pix_train_options *o);

// The table of a run that goes on, into a zeroed one. It stays empty, which is the
// built-in choice, where the run has none: older versions wrote none.
bool run_read_tuning(const struct pix_train_options *o, struct tuning *t);

// Makes what is missing, writes config.json and tuning.json, removes what a killed run
// left half written, and takes back the metrics of steps after `step`.
bool run_open(struct run *r, const struct pix_train_options *o,
              const struct tuning *tuning, uint64_t step);
void run_close(struct run *r);    // a zeroed one is fine

bool run_write_metrics(struct run *r, const struct pix_step_metrics *m);
bool run_sync_metrics(struct run *r);    // to the disk

#endif
