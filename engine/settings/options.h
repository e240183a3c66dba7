// SPDX-License-Identifier: MIT
//
// Training options inside the engine: what they describe, checks, their JSON form
// (RUN/config.json and the metadata of a checkpoint) and copies that own their texts.
// The table of options and the functions that users call are declared in pix2pix.h and
// live in options.c.

#ifndef SETTINGS_OPTIONS_H
#define SETTINGS_OPTIONS_H

#include "base/base.h"
#include "base/json.h"
#include "data/dataset.h"
#include "models/model.h"
#include "models/staging.h"
#include "pix2pix.h"

// Bounds that the table and the rules share. The largest crop: its activations would
// not fit any device, but sizes do not overflow.
#define OPTIONS_CROP_MAX 16384
#define OPTIONS_LEVELS_MAX 10
#define OPTIONS_LAYERS_D_MAX 6

// ---------------------------------------------------------------------------
// What options describe (rules.c)

// Levels of the U-Net or encoder-decoder, 2 to 10; a ResNet has 2 halvings. Returns 0
// after a message if the crop does not fit.
uint32_t options_levels(const struct pix_train_options *o);

// The networks that options describe. They are resolved.
struct generator_options options_generator(const struct pix_train_options *o);
struct discriminator_options options_discriminator(const struct pix_train_options *o);

// "auto" is u8 here: a run finds the kinds of its data first.
struct staging options_staging(const struct pix_train_options *o);

// How the pairs of a folder are read for these options.
struct dataset_options options_dataset(const struct pix_train_options *o);

bool options_has_discriminator(const struct pix_train_options *o);

// Images of one training step.
uint32_t options_images_per_step(const struct pix_train_options *o);

// Epochs between validations; 0: none.
uint32_t options_validation_epochs(const struct pix_train_options *o);

// Checks every value and that they fit together; the message says what to do.
// `need_paths`: data and out must be given too.
bool options_check(const struct pix_train_options *o, bool need_paths);

// A warning for each option that was changed but has no part in what the others
// describe. They are resolved.
void options_warn_of_unused(const struct pix_train_options *o);

// Checks, then fills in what follows from other options: load_size, depth, n_layers_d
// and norm_d. On failure the options are as they were. Resolved options stay the same.
bool options_resolve(struct pix_train_options *o);

// ---------------------------------------------------------------------------
// The struct (options.c)

// Each value against its row of the table.
bool options_check_values(const struct pix_train_options *o);

// A copy that owns its texts; pix_train_options_finish frees it. On failure there is
// nothing to free.
bool options_copy(struct pix_train_options *to, const struct pix_train_options *from);

// Replaces the path of the data; the struct keeps its own copy.
bool options_set_data(struct pix_train_options *o, const char *data);

// Fixes what "auto" stands for.
void options_set_staging(struct pix_train_options *o, struct staging staging);

// The first option that a continued run keeps and that differs; NULL if none does. Both
// are resolved, but for kinds that are "auto", which may turn out as any. `data` is not
// compared: a path may change where its files do not.
const struct pix_option *options_kept_difference(const struct pix_train_options *a,
                                                 const struct pix_train_options *b);

// One flat object, names as on the command line, without the rows of run state.
// For json_text: NULL if there is no memory.
json_t *options_to_json(const struct pix_train_options *o);

// Reads such an object over `o`, which must have been initialised and is freed with
// pix_train_options_finish. Names it does not know (a newer version wrote them) get a
// warning each; wrong types and values out of range are errors.
bool options_read_json(json_t *object, struct pix_train_options *o);

// The options that stand as text in a file of weights, over `o`, resolved. False after
// one message, which begins with `what` and names the file.
bool options_read_stored(const char *text, const char *what, const char *path,
                         struct pix_train_options *o);

#endif
