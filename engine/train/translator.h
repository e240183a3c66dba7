// SPDX-License-Identifier: MIT
//
// A trained generator that translates one image at a time.

#ifndef TRAIN_TRANSLATOR_H
#define TRAIN_TRANSLATOR_H

#include "base/base.h"
#include "pix2pix.h"

struct gpu_device;
struct translator;

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

// See pix_evaluate.
bool evaluate(struct translator *t, const char *data, const char *split,
              const char *grid, uint32_t grid_rows, struct pix_evaluation *out);

#endif
