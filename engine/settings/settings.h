// SPDX-License-Identifier: MIT
//
// What a user asks for, as the engine carries it: options whose texts have been read
// once, into numbers and enums. Below this room nothing looks at an option's text,
// except for paths and messages.

#ifndef SETTINGS_SETTINGS_H
#define SETTINGS_SETTINGS_H

#include "base/base.h"
#include "data/dataset.h"
#include "models/model.h"
#include "models/staging.h"
#include "ops/tuning.h"
#include "pix2pix.h"
#include "settings/choice.h"
#include "tensor/weights.h"

struct settings {
    // As resolved, with its own texts. Its numbers are settings too: nothing below
    // repeats them. What follows is read from its texts (settings_parse).
    struct pix_train_options options;

    bool swap;    // BtoA: the input is B
    // Of the samples in files. PIXEL_KINDS: any, a run takes what it finds.
    enum pixel_kind input_kind, output_kind;
    bool resize;    // to options.load_size, before the crop
    enum resize_filter filter;

    struct generator_options generator;
    struct discriminator_options discriminator;    // of no use with GAN_NONE
    enum weights_law law;                          // of initial weights

    enum gan_mode gan;
    bool reuse;    // update order: see objective_options
    enum optimizer_kind optimizer;
    enum lr_policy lr_policy;

    enum tuning_mode tuning;    // TUNING_FILE: options.tuning is its path
};

// Reads the texts of s->options, each of which is one of its row's choices; the rest of
// `s` is overwritten. They need not be resolved.
void settings_parse(struct settings *s);

// The meaning of an option "tuning": "auto", "off" or the path of a file; NULL is auto.
enum tuning_mode settings_tuning_mode(const char *text);

void settings_finish(struct settings *s);    // a zeroed one is fine

// How samples are staged: a kind that is open is u8.
struct staging settings_staging(const struct settings *s);

// Fixes what "auto" stands for.
void settings_set_staging(struct settings *s, struct staging staging);

// How the pairs of a folder are read.
struct dataset_options settings_dataset(const struct settings *s);

bool settings_has_discriminator(const struct settings *s);

// Images of one training step.
uint32_t settings_images_per_step(const struct settings *s);

// Epochs between validations; 0: none.
uint32_t settings_validation_epochs(const struct settings *s);

// The choice of net_g that gives a generator of this kind and these blocks, and leaves
// the levels to the option depth. `with_levels`: that fixes the levels too; NULL if
// none does.
const char *settings_generator_name(const struct generator_options *g,
                                    bool with_levels);

#endif
