// SPDX-License-Identifier: MIT
//
// What a graph needs of a device, summed up for a user, and whether the device has it.

#ifndef PROGRAM_FOOTPRINT_H
#define PROGRAM_FOOTPRINT_H

#include "graph/plan.h"
#include "pix2pix.h"

struct gpu_device;

// Fills in what graph and plan know; the caller has set state_bytes, step_block_bytes,
// staging_bytes and the numbers of weights. False if out of memory, after a message.
bool footprint_sum_up(struct gpu_device *device, double submission_seconds,
                      const struct graph *g, const struct plan *plan,
                      struct pix_plan *out);

// Whether the device has the memory; else an error with what is needed, what there is
// and the `hint`.
bool footprint_fits(struct gpu_device *device, const struct pix_plan *plan,
                    const char *what, const char *hint);

// Stored on a device where struct step_block is bound: a multiple of what any device
// asks of uniform buffers.
uint64_t footprint_step_block(void);

#endif
