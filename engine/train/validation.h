// SPDX-License-Identifier: MIT
//
// The scores of a generator under training on the images of DATA/val, as `evaluate`
// computes them: its weights, or their moving average where the run keeps one, in the
// graph of a translation, outputs as they would be written, metrics on the host. The
// images are resized to the crop size; nothing is cropped or mirrored.

#ifndef TRAIN_VALIDATION_H
#define TRAIN_VALIDATION_H

#include "ops/conv_shape.h"
#include "pix2pix.h"
#include "settings/settings.h"
#include "tensor/weights.h"
#include "train/health.h"

struct gpu_device;
struct tuning;
struct validation;

// A planned program without memory. The weights have been placed; they and the table
// must outlive it.
struct validation *validation_create(struct gpu_device *device,
                                     double submission_seconds,
                                     const struct settings *settings,
                                     const struct tuning *tuning,
                                     struct weights *generator);
// Adds the shapes of the convolutions of such a program to a list. False after a
// message.
bool validation_add_shapes(struct conv_shapes *list, const struct op_limits *limits,
                           const struct settings *settings);

// Adds what it takes beside the steps to their plan.
bool validation_add_footprint(struct validation *v, struct pix_plan *plan);
// Opens the images and takes the memory; the weights have been allocated.
// `mean_colour` is that of the training targets, for each channel, in samples. False
// after a message if there are no images.
bool validation_start(struct validation *v, const struct settings *settings,
                      const double *mean_colour);
void validation_destroy(struct validation *v);    // NULL is fine

// The means of the metrics in settings.val_metrics over all images, see struct
// pix_step_metrics; the others are NaN.
struct validation_result {
    double values[PIX_METRIC_COUNT];
    double mean_colour[PIX_METRIC_COUNT];    // of that colour in place of outputs
    // Outputs that have numbers that are infinite or NaN; with one, all means are NaN.
    uint32_t not_finite;
    struct health_look look;    // at the first outputs
};

// No training step may be under way. False after a message.
bool validation_run(struct validation *v, struct validation_result *result);

// What the last run is to be looked at by, as gallery_text, which can be had once. NULL
// after a message; mem_free.
char *validation_text(struct validation *v, uint64_t step);

uint32_t validation_count(const struct validation *v);    // images, once it has started

#endif
