// SPDX-License-Identifier: MIT
//
// The error of a generator under training on the images of DATA/val: its weights in a
// graph without losses but L1, dropout off, statistics of each image. The images are
// resized to the crop size; nothing is cropped or mirrored.

#ifndef TRAIN_VALIDATION_H
#define TRAIN_VALIDATION_H

#include "pix2pix.h"
#include "tensor/weights.h"

struct gpu_device;
struct tuning;
struct validation;

// Adds to a plan what validation takes beside the steps. The weights have been placed.
bool validation_add_footprint(struct gpu_device *device,
                              const struct pix_train_options *options,
                              const struct tuning *tuning, struct weights *generator,
                              struct pix_plan *plan);

// The weights have been placed and allocated; they and the options must outlive it.
// NULL after a message if there are no images.
struct validation *validation_create(struct gpu_device *device,
                                     double submission_seconds,
                                     const struct pix_train_options *options,
                                     const struct tuning *tuning,
                                     struct weights *generator);
void validation_destroy(struct validation *v);    // NULL is fine

// The mean absolute error over all images, pixels as [-1, 1]. No training step may be
// under way. False after a message.
bool validation_run(struct validation *v, double *l1);

#endif
