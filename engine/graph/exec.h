// SPDX-License-Identifier: MIT
//
// Runs a planned graph. The calls are recorded once and submitted every step. A barrier
// stands exactly where a call reads or writes bytes written since the last one, or
// writes bytes read since. Long steps are cut into submissions of at most about
// `submission_seconds` so that no driver's watchdog resets the device: the first step
// by estimated work, submission by submission, later ones by what was measured.

#ifndef GRAPH_EXEC_H
#define GRAPH_EXEC_H

#include "graph/plan.h"
#include "shared/step.h"

struct gpu_device;
struct exec;

// The graph, its plan and all weights must be placed and allocated, and outlive this.
struct exec *exec_create(struct gpu_device *device, const struct graph *g,
                         double submission_seconds);
void exec_destroy(struct exec *x);    // NULL is fine

// Copies between a tensor and the host, done with every run: uploads before the first
// call, downloads after the last. The pointers are mapped memory, written before and
// read after exec_run.
void *exec_upload(struct exec *x, struct tensor *t);
const void *exec_download(struct exec *x, struct tensor *t);

// One step: copies, calls, copies; returns when the device is done. `step` NULL is
// zeros: of no use where randomness or an optimiser is. After false, exec_last_kernel
// names the kernel that the device had reached.
bool exec_run(struct exec *x, const struct step_block *step);
const char *exec_last_kernel(const struct exec *x);

// Wall time of the last run, seconds.
double exec_seconds(const struct exec *x);
uint32_t exec_submissions(const struct exec *x);

// Counted without a device: barriers that the calls need, and submissions estimated for
// a device of this kind.
uint32_t exec_estimate_submissions(const struct graph *g, bool is_cpu,
                                   double submission_seconds);

// Seconds of each call in one run, by timestamps where the device has them, else by
// waiting after each; seconds[graph_call_count]. For benchmarks.
bool exec_profile(struct exec *x, const struct step_block *step, double *seconds);

#endif
