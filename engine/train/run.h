// SPDX-License-Identifier: MIT
//
// The folder of a run: config.json (the resolved options), metrics.jsonl (a line for
// each logged step), samples/ and checkpoints/ (what is in those: trainer.c,
// checkpoint.h).

#ifndef TRAIN_RUN_H
#define TRAIN_RUN_H

#include "base/base.h"
#include "pix2pix.h"

#include <stdio.h>

struct run {
    char *metrics_path;
    FILE *metrics;
};

// A new run takes a folder that does not exist or is empty; says so if it is not.
bool run_check_new(const char *out);

// A continued run keeps its options but those that may change. `o` is resolved.
bool run_check_continued(const struct pix_train_options *o);

// Makes what is missing, writes config.json, removes what a killed run left half
// written, and takes back the metrics of steps after `step`. After a failure run_close
// is due.
bool run_open(struct run *r, const struct pix_train_options *o, uint64_t step);
void run_close(struct run *r);    // a zeroed one is fine

bool run_write_metrics(struct run *r, const struct pix_step_metrics *m);
bool run_sync_metrics(struct run *r);    // to the disk

#endif
