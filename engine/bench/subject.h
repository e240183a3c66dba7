// SPDX-License-Identifier: MIT
//
// A network step that the benchmark runs: training, or translation, built as the
// trainer and the translator build it, on noise instead of images.

#ifndef BENCH_SUBJECT_H
#define BENCH_SUBJECT_H

#include "pix2pix.h"
#include "program/program.h"
#include "settings/settings.h"

struct subject {
    struct gpu_device *device;
    struct program *program;
    struct weights *generator, *discriminator;    // the second one of training only
    struct step_block step;
    struct tensor *pixels;
    // Asked before each run; true: the run fails. NULL: nobody is asked.
    bool (*stop)(void *user);
    void *user;
};

// "training step, 256 px, 1 image", for messages and tables.
#define SUBJECT_TITLE_SIZE 64
void subject_title(bool is_training, uint32_t size, uint32_t batch,
                   char text[SUBJECT_TITLE_SIZE]);

struct subject_options {
    struct gpu_device *device;
    double submission_seconds;
    bool is_training, is_simple;    // with the simple convolutions
    bool is_plan;                   // it is counted, and not started
    bool (*stop)(void *user);
    void *user;
};

// Planned as `train --plan` and `translate --plan` have it. False after a message;
// subject_finish is called in either case.
bool subject_build(struct subject *s, const struct subject_options *options,
                   const struct settings *settings, struct pix_plan *plan);

// Memory, kernels, noise, and one run, which measures how the step has to be cut. What
// the device has no room for, though it promised more, can still be counted: true, with
// *runs false, after a warning that begins with `name`.
bool subject_start(struct subject *s, const char *name, bool *runs);

// One whole run by the host's clock, copies included: what a user waits for. `user` is
// the subject.
bool subject_run(void *user, double *seconds);

// Updates of weights that a loss scale has left out so far (shared/scaler.h).
uint32_t subject_skipped(const struct subject *s);

void subject_finish(struct subject *s);

#endif
