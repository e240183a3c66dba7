// SPDX-License-Identifier: MIT
//
// Runs a planned graph. The calls are recorded once and submitted every step, with the
// barriers that barriers.h finds. Long steps are cut into submissions of at most about
// `submission_seconds` so that no driver's watchdog resets the device: the first step
// by estimated work, submission by submission, later ones by what was measured.
//
// A ring of slots lets the host prepare a run while another is under way. What a run
// must have for itself (memory of its copies, step block, commands, fences) belongs to
// its slot; the device works on one run after the other, in the order of submission.

#ifndef GRAPH_EXEC_H
#define GRAPH_EXEC_H

#include "graph/plan.h"
#include "shared/step.h"

struct gpu_device;
struct exec;

#define EXEC_MAX_SLOTS 3

// The graph, its plan and all weights must be placed and allocated, and outlive this.
// `slots` is 1 to EXEC_MAX_SLOTS. NULL after a message.
struct exec *exec_create(struct gpu_device *device, const struct graph *g,
                         double submission_seconds, uint32_t slots);
void exec_destroy(struct exec *x);    // NULL is fine; waits for what is in flight

// Creates the kernels of several planned graphs by several threads at once: exec_create
// finds them. Nothing needs to be allocated yet. False after one message; some of the
// kernels may exist then.
bool exec_create_kernels(struct gpu_device *device, const struct graph *const *graphs,
                         size_t count);

// Copies between a tensor and the host, done with every run: uploads before the first
// call, downloads after the last. The pointers are mapped memory of slot 0, written
// before and read after exec_run. Nothing may be in flight.
void *exec_upload(struct exec *x, struct tensor *t);
const void *exec_download(struct exec *x, struct tensor *t);

// The flags of a network's weights (weights.h) after every run, [weights->count]. The
// weights are not for inference, and there is at least one.
const float *exec_download_flags(struct exec *x, const struct weights *weights);

// What another slot has in the place of such memory of slot 0; NULL if it is not such
// memory.
void *exec_slot_memory(const struct exec *x, uint32_t slot, const void *memory);

// One step: copies, calls, copies; returns when the device is done. `step` NULL is
// zeros, which do for a graph without randomness and optimiser. After false,
// exec_last_kernel names the kernel that the device had reached.
bool exec_run(struct exec *x, const struct step_block *step);
const char *exec_last_kernel(const struct exec *x);

// The two halves of it in any slot: every submission is waited for before its slot is
// used again, in the order of submission. The first one or two, which are measured, are
// done when exec_submit returns. A submission that failed is not waited for.
bool exec_submit(struct exec *x, uint32_t slot, const struct step_block *step);
bool exec_wait(struct exec *x, uint32_t slot);

// Wall time from the submission of the last run that was waited for to its end.
double exec_seconds(const struct exec *x);

// Counted without a device: barriers that the calls need, and submissions estimated for
// a device of this kind.
uint32_t exec_estimate_submissions(const struct graph *g, bool is_cpu,
                                   double submission_seconds);

// One call by itself, `repeats` times in one submission with a barrier after each; a
// call too long for one submission, in pieces, once. For benchmarks: exec_run has
// filled the memory before, and what is left there means nothing.
struct exec_time {
    double wall;         // seconds by the host's clock, submissions included
    double stamped;      // seconds by timestamps; negative where there are none
    uint32_t repeats;    // how often the call was run
    uint32_t submissions;
};
bool exec_time_call(struct exec *x, size_t call, uint32_t repeats,
                    struct exec_time *out);

#endif
