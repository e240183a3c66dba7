// SPDX-License-Identifier: MIT
//
// A trained generator that translates images, one or a batch of one size at a time.

#ifndef TRAIN_TRANSLATOR_H
#define TRAIN_TRANSLATOR_H

#include "base/base.h"
#include "pix2pix.h"

struct gpu_device;
struct translator;

#define TRANSLATOR_MAX_BATCH 1024

// See pix_translator_create and the functions after it.
struct translator *translator_create(struct gpu_device *device,
                                     double submission_seconds,
                                     const struct pix_translate_options *options);
void translator_destroy(struct translator *t);    // NULL is fine
uint32_t translator_size(const struct translator *t);
uint32_t translator_multiple(const struct translator *t);
const struct pix_train_options *translator_get_options(const struct translator *t);
bool translator_run(struct translator *t, const struct pix_image *in,
                    struct pix_image *out);
bool translator_plan(struct translator *t, uint32_t width, uint32_t height,
                     struct pix_plan *out);

// What translator_run is made of, for train/pipeline.c.
uint32_t translator_batch_size(const struct translator *t);    // at least 1
uint32_t translator_threads(const struct translator *t);       // 0: as many as useful
// Images of this size that one run takes, as far as is known: at most the batch size.
uint32_t translator_most(const struct translator *t, uint32_t width, uint32_t height);
// Whether an image has to be resized to translator_size first; any thread.
bool translator_resizes(const struct translator *t, const struct pix_image *in);
void translator_warn_of_pair(struct translator *t);    // the first time only
// Whether the networks take an image of this size; false after a message.
bool translator_fits(struct translator *t, const struct pix_image *in);
// Images of one size, which fits. Every out[i] has room for as many pixels.
bool translator_run_batch(struct translator *t, const struct pix_image *const *in,
                          uint32_t count, uint8_t *const *out);

// See pix_evaluate.
bool evaluate(struct translator *t, const char *data, const char *split,
              const char *grid, uint32_t grid_rows, struct pix_evaluation *out);

#endif
