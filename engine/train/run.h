// SPDX-License-Identifier: MIT
//
// The folder of a run:
//
//     config.json      the resolved options
//     tuning.json      its table of kernels, see ops/tuning.h
//     metrics.jsonl    see metrics_file.h
//     samples/         contact sheets, see trainer.c
//     report/          what the page of the run is made of, see trainer_outputs.c
//     checkpoints/     see store/checkpoint_folder.h
//     lock             an empty file, locked while a process trains here
//
// Functions that return bool log one message before they return false.

#ifndef TRAIN_RUN_H
#define TRAIN_RUN_H

#include "base/base.h"
#include "ops/tuning.h"
#include "pix2pix.h"
#include "train/metrics_file.h"
#include "train/run_folders.h"

// Something that a run writes again and again. What cannot be written does not end the
// run; it is reported when it begins, when its cause changes and when it is over.
struct run_output {
    bool is_failing;
    char cause[512];    // what was reported
};

// Whether a failure is to be reported, by its message. Numbers in it do not make it
// another one: steps and free bytes are different each time.
bool run_output_failed(struct run_output *o, const char *error);
bool run_output_done(struct run_output *o);    // whether it had failed before

struct run {
    struct os_lock *lock;
    struct run_folders folders;
    bool is_new;    // there was no run to resume
    // Of the run, which outlive this, to make again what was removed.
    const struct pix_train_options *options;
    const struct tuning *tuning;

    struct metrics_file metrics;
    struct run_output metrics_output, samples, checkpoints, gallery, description;
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
// files of a killed run, and cuts off the metrics of steps after `step`. `o` and
// `tuning` must outlive the run.
bool run_open(struct run *r, const struct pix_train_options *o,
              const struct tuning *tuning, uint64_t step);
void run_close(struct run *r);    // a zeroed one is fine

// Makes a folder of the run if it is not there. Where the whole run was removed
// meanwhile, it is made again first, unless another process has made it.
bool run_make_folder(struct run *r, enum run_folder which);

// The path of a file in report/ of the run in `out`; mem_free. NULL after a message.
char *run_report_path(const char *out, const char *name);

// Replaces a file in report/, unless it has this content. False after a message.
bool run_write_report(struct run *r, const char *name, const char *text);

// Adds a line to the metrics. One that cannot be written yet is no failure.
void run_write_metrics(struct run *r, const struct pix_step_metrics *m);
// Writes what is left, to the disk itself.
void run_sync_metrics(struct run *r);

#endif
