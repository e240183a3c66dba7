// SPDX-License-Identifier: MIT
//
// A training run: its steps, and what is written when.

#ifndef TRAIN_TRAINER_H
#define TRAIN_TRAINER_H

#include "pix2pix.h"

struct gpu_device;
struct trainer;

// See pix_trainer_create and the functions after it.
struct trainer *trainer_create(struct gpu_device *device, double submission_seconds,
                               bool no_overlap,
                               const struct pix_train_options *options);
void trainer_destroy(struct trainer *t);    // NULL is fine
const struct pix_train_options *trainer_get_options(const struct trainer *t);
bool trainer_get_best(const struct trainer *t, struct pix_best_validation *best);
enum pix_step_result trainer_step(struct trainer *t, struct pix_step_metrics *metrics);
enum pix_step_result trainer_drain(struct trainer *t, struct pix_step_metrics *metrics);
bool trainer_save(struct trainer *t);

// See pix_train_plan.
bool trainer_plan(struct gpu_device *device, double submission_seconds,
                  const struct pix_train_options *options, struct pix_plan *out);

#endif
