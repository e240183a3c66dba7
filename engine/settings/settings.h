// SPDX-License-Identifier: MIT
//
// What a user asks for, as the engine carries it: options whose texts have been read
// once, into numbers and enums. Outside of this folder an option's text is a path, or
// is printed in a message; no code compares it.
//
// rules.h has the functions that make settings from options.

#ifndef SETTINGS_SETTINGS_H
#define SETTINGS_SETTINGS_H

#include "base/base.h"
#include "data/augment.h"
#include "data/data_source.h"
#include "data/dataset.h"
#include "data/palette.h"
#include "data/picture.h"
#include "data/task.h"
#include "models/model.h"
#include "models/staging.h"
#include "ops/tuning.h"
#include "pix2pix.h"
#include "settings/choice.h"
#include "settings/precision.h"
#include "tensor/weights.h"

struct settings {
    // The options, resolved, with texts of their own. Their numbers are used directly;
    // the members below are what their texts mean (settings_parse).
    struct pix_train_options options;

    bool swap;    // direction BtoA: the input is B
    // Sample types of the images. PIXEL_KINDS ("auto"): those of the first usable pair.
    enum pixel_kind input_kind, output_kind;
    // Which samples are -1 and 1, unless they are u8. PIXEL_WHOLE: those of the kind;
    // also where a run has to find them ("auto").
    struct pixel_range input_range, output_range;
    bool finds_input_range, finds_output_range;
    struct picture_reading reading;
    struct split_ratio split_ratio;    // of the images; not set: none
    struct task task;
    // TASK_SEGMENT: the classes, to which the task points; empty: to be found in the
    // training pairs, or not read yet. A copy of this struct needs settings_parse.
    struct palette palette;
    enum fit_mode preprocess;
    enum resize_filter filter;
    struct augment augment;

    struct generator_options generator;
    struct discriminator_options discriminator;    // meaningless with GAN_NONE
    enum weights_law law;                          // distribution of initial weights

    enum gan_mode gan;
    bool reuse;    // update order reuse, see objective_options
    enum optimizer_kind optimizer;
    enum lr_policy lr_policy;
    enum precision precision;    // of training; a run replaces PRECISION_AUTO first

    uint32_t val_metrics;    // bit m: metric m, what validations compute
    // The metric by which a validation is better than another one, and whether the best
    // one is kept.
    enum pix_metric judge;
    bool keeps_best;

    bool ignores_nan;    // train on, and write checkpoints, with what is not finite

    enum tuning_mode tuning;    // TUNING_FILE: options.tuning is its path
};

// Reads the texts of s->options and overwrites the rest of `s`. Each text must be one
// of its choices (options_check_values); the options need not be resolved.
void settings_parse(struct settings *s);

// Reads an option "tuning": "auto", "off" or the path of a file; NULL is "auto".
enum tuning_mode settings_parse_tuning(const char *text);

void settings_finish(struct settings *s);    // a zeroed one is fine

// How samples are staged. "auto" is u8: a run replaces it first by what it finds.
struct staging settings_staging(const struct settings *s);

// How samples are augmented where they are unpacked. The alpha of inputs that keep it
// is not touched.
struct staged_augment settings_staged_augment(const struct settings *s);

// Sets both kinds, in the options too: a run stores what "auto" stood for.
void settings_set_staging(struct settings *s, struct staging staging);

// Sets the precision, in the options too.
void settings_set_precision(struct settings *s, enum precision precision);

// Sets the range of a side, in the options too, which keep its text; PIXEL_WHOLE is
// "full". Of images that a task makes both sides of the first one sets both, where that
// of outputs is set. False without memory.
bool settings_set_range(struct settings *s, bool is_output, struct pixel_range range);
bool settings_set_side_range(struct settings *s, bool is_output,
                             struct pixel_range range);

// Sets the palette, in the options too, which keep it as a list, and what follows from
// it. False without memory.
bool settings_set_palette(struct settings *s, const struct palette *palette);

// Whether the palette is still to be found in the training pairs.
bool settings_finds_palette(const struct settings *s);

// How pairs are fitted: to train on, or to compare outputs with their targets, at the
// size that the networks see. Resized pairs are then compared whole, at the scale of
// the crop; of all others the middle is, at the scale that is trained on.
struct fit settings_fit(const struct settings *s);
struct fit settings_fit_to_compare(const struct settings *s);

// How images that are translated are scaled, as FIT_RESIZE, FIT_WIDTH or FIT_NOTHING
// (another `mode` is that of training): to the size of the crop; to the width that
// training scaled to, or else that of the crop; not at all. Parts that were cut from
// images at their own scale are FIT_NOTHING.
struct fit settings_fit_to_translate(const struct settings *s, enum fit_mode mode);

// What the files of a data folder or a list are.
enum data_files settings_files(const struct settings *s);

// Where the images of a run are. The texts are those of the options.
struct data_source settings_source(const struct settings *s);

// How the pairs of a data folder are read and cut.
struct dataset_options settings_dataset(const struct settings *s);

// Of the images of a task that makes sides, and of what the networks take and make.
struct task_channels settings_channels(const struct settings *s);

bool settings_has_discriminator(const struct settings *s);

// Images of one training step: those of all its batches.
uint32_t settings_images_per_step(const struct settings *s);

// The order of a name, or that of NULL. False after a message.
bool settings_find_npy_order(const char *name, const char *subject,
                             enum array_order *order);

// Whether each name is one of its choices, or NULL. False after a message.
bool settings_check_reading(const struct pix_read_options *options,
                            const char *subject);

// The same as numbers, of names that were checked.
struct picture_reading settings_parse_reading(const struct pix_read_options *options);

// Reads a list of metrics, "l1,psnr", as bits; false, with the first text that is none,
// where there is one.
bool settings_find_metrics(const char *list, uint32_t *metrics, const char **unknown);

// The option that asks for validations; NULL: none does.
const char *settings_validation_reason(const struct settings *s);

// Epochs between validations; 0: none. Where something follows them there is at least
// one each epoch.
uint32_t settings_validation_epochs(const struct settings *s);

// The choice of net_g for a generator, such as "unet" or "resnet_9blocks"; its number
// of levels is left to the option depth. With `with_levels` the choice that fixes the
// levels too, such as "unet_256"; NULL if there is none.
const char *settings_name_generator(const struct generator_options *g,
                                    bool with_levels);

#endif
