// SPDX-License-Identifier: MIT
//
// The inside of an exec, for the files that are one: exec.c owns it and runs steps,
// first_run.c measures the first steps, record.c turns calls into command buffers,
// profile.c times single calls.

#ifndef GRAPH_EXEC_INSIDE_H
#define GRAPH_EXEC_INSIDE_H

#include "graph/exec.h"

#include "gpu/stream.h"
#include "graph/cut.h"

struct gpu_buffer;

// What a dispatch of a call needs, the same in every slot.
struct exec_entry {
    struct gpu_kernel *kernel;
    struct gpu_binding bindings[CALL_MAX_BUFFERS];
};

// A copy between a tensor and host memory, which each slot has for itself; or one of
// the flags of all weights of a network.
struct exec_transfer {
    struct tensor *tensor;
    const struct weights *weights;    // then there is no tensor
    struct gpu_buffer *buffers[EXEC_MAX_SLOTS];
};

// What a run in flight must have for itself.
struct exec_slot {
    struct gpu_buffer *step_upload;    // NULL if no call uses the step block
    struct gpu_stream **streams;       // recorded; empty until they are needed
    size_t stream_count, stream_capacity;
    // Breadcrumbs: the device sets word i of `marks` when it passes mark i, which is
    // before the call mark_calls[i]. Host memory, so a lost device leaves it readable.
    struct gpu_buffer *marks;
    size_t *mark_calls;
    size_t mark_count, mark_capacity;
    bool in_flight;    // submitted, and not waited for
    bool is_done;      // in flight, but nothing is left to wait for
    double started;    // os_seconds() at its submission
};

struct exec {
    struct gpu_device *device;
    const struct graph *graph;
    double budget;    // seconds that a submission may take
    // By call, [graph_call_count].
    struct exec_entry *entries;
    bool *barriers;      // one is needed before the call
    double *seconds;     // measured
    double *guesses;     // seconds, while the measured ones are being collected
    bool has_seconds;    // `seconds` holds those of a first run
    bool measured;       // and they will do: later runs are recorded once
    struct exec_transfer *uploads, *downloads;
    size_t upload_count, upload_capacity, download_count, download_capacity;
    struct gpu_buffer *step;    // NULL if no call uses the step block
    struct exec_slot slots[EXEC_MAX_SLOTS];
    uint32_t slot_count;
    char last_kernel[256];
    bool keeps_last;    // last_kernel belongs to a failed submission: the run that was
                        // under way then does not overwrite it when it ends
    double run_seconds;
    uint32_t submissions;    // of the last run that was measured or recorded
};

// ---------------------------------------------------------------------------
// record.c

void record_uploads(struct exec *x, uint32_t slot, struct gpu_stream *stream);

// Records pieces into a new stream; with `timed` timestamp i stands before piece i, and
// one after the last. The first stream of a step uploads, the last downloads. NULL
// after a message.
struct gpu_stream *record_pieces(struct exec *x, uint32_t slot,
                                 const struct piece *pieces, size_t count,
                                 bool is_first, bool is_last, bool timed);

// Records a whole step for a slot, cut by what was measured.
bool record_step(struct exec *x, uint32_t slot);

// Drops what was recorded for a slot, waiting for what is in flight.
void record_drop(struct exec_slot *slot);

// Breadcrumbs for up to this many pieces, none of them passed.
bool record_create_marks(struct exec *x, struct exec_slot *slot, size_t pieces);
void record_clear_marks(struct exec_slot *slot);

// Writes last_kernel: what the breadcrumbs say of a run that ended.
void record_read_marks(struct exec *x, const struct exec_slot *slot);

// ---------------------------------------------------------------------------
// first_run.c

// Runs a step of unknown length, submission by submission, and measures its calls.
bool first_run_measure(struct exec *x, uint32_t slot);

#endif
