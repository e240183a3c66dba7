// SPDX-License-Identifier: MIT
//
// A program: a graph made ready to run on a device. It owns the graph, the plan of its
// memory, that memory and the recorded commands; weights are the caller's, since
// several programs may share them.
//
//     struct program *p = program_create(&options);
//     ... build into program_graph(p) ...
//     program_upload(p, pixels);
//     program_download(p, loss);
//     program_plan(p, networks, count, &plan);     // what it needs; no memory yet
//     program_start(p);                            // memory, kernels, host memory
//     memcpy(program_input(p, 0, pixels), ...);
//     program_run(p, &step);
//     ... *(const float *)program_output(p, 0, loss) ...
//
// Functions that return a bool or a pointer log one message before they return false or
// NULL. Not for several threads at once.

#ifndef PROGRAM_PROGRAM_H
#define PROGRAM_PROGRAM_H

#include "graph/plan.h"
#include "pix2pix.h"
#include "shared/step.h"

struct exec;
struct gpu_device;
struct program;

struct program_options {
    struct gpu_device *device;    // NULL: it can be built into, but not be planned
    double submission_seconds;    // aimed length of a submission; 0: the usual one
    uint32_t slots;               // runs that may be under way at once; 0: one
    // What the ops may assume; NULL: what the device allows, with the kernels of
    // `tuning`. Copied, but not what it points to.
    const struct op_limits *limits;
    const struct tuning *tuning;    // NULL: the built-in choice of kernels
    // matrix_check (matrix_check.h), by which kernels for matrix units are chosen only
    // where they are right. NULL: they are not checked, for what is only planned, or
    // whose numbers the caller compares.
    bool (*check)(struct gpu_device *device, const struct conv_variant *v,
                  const struct conv_shape *shape, bool *is_right);
    const char
        *hint;    // what to do where a tensor is too large for the device; or NULL
};

// The device and the tuning table must outlive the program.
struct program *program_create(const struct program_options *options);
void program_destroy(struct program *p);    // NULL is fine; waits for what is under way

// To build into until program_plan is called.
struct graph *program_graph(struct program *p);
const struct op_limits *program_limits(const struct program *p);

// Declares, before program_plan, that the host writes a tensor before each run or reads
// it after each run. NULL is ignored. Copies are made in the order of these calls.
void program_upload(struct program *p, struct tensor *t);
void program_download(struct program *p, struct tensor *t);

// The same for the flags of a network's weights, which say where numbers that are not
// finite were computed (weights.h). A network without weights is ignored.
void program_watch(struct program *p, const struct weights *weights);

// Whether there was no memory for one of these, which a message has said;
// program_plan() fails then.
bool program_has_failed(const struct program *p);

// Finishes the graph and finds a place for each temporary; places the weights that have
// no place yet. May be called again: the plan stays. `networks`, of which any may be
// NULL, are those whose weights the sums contain, the generator first; `out` may be
// NULL.
bool program_plan(struct program *p, struct weights *const *networks, size_t count,
                  struct pix_plan *out);

// Memory, kernels, recorded commands and the host's side of uploads, which begins as
// zeros. The program is planned and all weights are allocated. After a failure the
// program is good for what it was planned for (its graph, its sums), and not for runs.
bool program_start(struct program *p);

// Creates the kernels of several planned programs of one device by several threads at
// once, for those who start many small programs. False after one message; some of the
// kernels may exist then.
bool program_compile(struct program *const *programs, size_t count);
bool program_is_started(const struct program *p);

// The host's side of a declared tensor in a slot, mapped. The output may be read
// between program_wait and the next program_submit of this slot, the input written
// before program_submit.
void *program_input(const struct program *p, uint32_t slot, const struct tensor *t);
const void *program_output(const struct program *p, uint32_t slot,
                           const struct tensor *t);

// The flags of a watched network, [weights->count] in the order of its weights; NULL if
// it has none.
const float *program_flags(const struct program *p, uint32_t slot,
                           const struct weights *weights);

// One run in slot 0, to its end.
bool program_run(struct program *p, const struct step_block *step);

// The two halves of a run in any slot; runs are waited for in the order in which they
// were submitted. See exec_submit.
bool program_submit(struct program *p, uint32_t slot, const struct step_block *step);
bool program_wait(struct program *p, uint32_t slot);

// The kernel that the device had reached when a run failed; NULL if that is not known.
const char *program_last_kernel(const struct program *p);

// For those who measure or look inside: NULL before program_plan, program_start.
const struct plan *program_get_plan(const struct program *p);
struct exec *program_exec(struct program *p);

#endif
