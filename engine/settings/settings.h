// SPDX-License-Identifier: MIT
//
// What training options describe: the networks, how pairs are read, and counts.

#ifndef SETTINGS_SETTINGS_H
#define SETTINGS_SETTINGS_H

#include "base/base.h"
#include "data/dataset.h"
#include "models/model.h"
#include "models/staging.h"
#include "pix2pix.h"

// Levels of the U-Net or encoder-decoder, 2 to 10; a ResNet has 2 halvings. Returns 0
// after a message if the crop does not fit.
uint32_t options_levels(const struct pix_train_options *o);

// The networks that options describe. They are resolved.
struct generator_options options_generator(const struct pix_train_options *o);
struct discriminator_options options_discriminator(const struct pix_train_options *o);

// What "auto" stands for in norm_d.
const char *options_norm_d(const struct pix_train_options *o);

// "auto" is u8 here: a run finds the kinds of its data first.
struct staging options_staging(const struct pix_train_options *o);

// How the pairs of a folder are read for these options.
struct dataset_options options_dataset(const struct pix_train_options *o);

bool options_has_discriminator(const struct pix_train_options *o);

// Images of one training step.
uint32_t options_images_per_step(const struct pix_train_options *o);

// Epochs between validations; 0: none.
uint32_t options_validation_epochs(const struct pix_train_options *o);

#endif
