// SPDX-License-Identifier: MIT
//
// A training run: its folder, its step, what is written when. Also the questions that
// training and translation ask of a device before they take its memory.

#ifndef TRAIN_TRAINER_H
#define TRAIN_TRAINER_H

#include "graph/plan.h"
#include "pix2pix.h"

struct gpu_device;
struct trainer;

// See pix_trainer_create and the functions after it.
struct trainer *trainer_create(struct gpu_device *device, double submission_seconds,
                               const struct pix_train_options *options);
void trainer_destroy(struct trainer *t);    // NULL is fine
const struct pix_train_options *trainer_get_options(const struct trainer *t);
enum pix_step_result trainer_step(struct trainer *t, struct pix_step_metrics *metrics);
bool trainer_save(struct trainer *t);

// See pix_train_plan.
bool trainer_plan(struct gpu_device *device, double submission_seconds,
                  const struct pix_train_options *options, struct pix_plan *out);

// The networks that options describe. The options are resolved.
struct unet_options;
struct unet_options trainer_generator_options(const struct pix_train_options *o);

// Limits of a device as graphs and plans take them.
struct op_limits trainer_op_limits(const struct gpu_device *device);
struct plan_limits trainer_plan_limits(const struct gpu_device *device);

// Fills in what graph and plan know; the caller has set state_bytes, step_block_bytes,
// staging_bytes and the numbers of weights.
void trainer_sum_up(struct gpu_device *device, double submission_seconds,
                    const struct graph *g, const struct plan *plan,
                    struct pix_plan *out);

// Whether the device has the memory; else an error with what is needed, what there is
// and the `hint`.
bool trainer_memory_fits(struct gpu_device *device, const struct pix_plan *plan,
                         const char *what, const char *hint);

// Stored on a device where struct step_block is bound: a multiple of what any device
// asks of uniform buffers.
uint64_t trainer_step_block_bytes(void);

#endif
