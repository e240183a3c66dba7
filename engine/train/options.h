// SPDX-License-Identifier: MIT
//
// Training options inside the engine: checks, their JSON form (RUN/config.json and the
// metadata of a checkpoint) and copies that own their texts. The table of options and
// the functions that users call are declared in pix2pix.h and live in options.c too.

#ifndef TRAIN_OPTIONS_H
#define TRAIN_OPTIONS_H

#include "base/base.h"
#include "base/json.h"
#include "pix2pix.h"
#include "train/objective.h"

// Levels of the U-Net, 5 to 10. Returns 0 after a message if the crop does not fit.
uint32_t options_unet_levels(const struct pix_train_options *o);

// The generator that options describe. They are resolved.
struct unet_options options_generator(const struct pix_train_options *o);

// The training step that they describe.
struct objective_options options_objective(const struct pix_train_options *o);

// Checks every value and that they fit together; the message says what to do.
// `need_paths`: data and out must be given too.
bool options_check(const struct pix_train_options *o, bool need_paths);

// Checks, then fills in what follows from other options: load_size and depth. On
// failure the options are as they were. Resolved options stay the same.
bool options_resolve(struct pix_train_options *o);

// A copy that owns its texts; pix_train_options_finish frees it. On failure there is
// nothing to free.
bool options_copy(struct pix_train_options *to, const struct pix_train_options *from);

// Replaces the path of the data; the struct keeps its own copy.
bool options_set_data(struct pix_train_options *o, const char *data);

// The first option that a continued run keeps and that differs; NULL if none does. Both
// are resolved. `data` is not compared: a path may change where its files do not.
const struct pix_option *options_kept_difference(const struct pix_train_options *a,
                                                 const struct pix_train_options *b);

// One flat object, names as on the command line, without the rows of run state.
// For json_text: NULL if there is no memory.
json_t *options_to_json(const struct pix_train_options *o);

// Reads such an object over `o`, which must have been initialised and is freed with
// pix_train_options_finish. Names it does not know (a newer version wrote them) get a
// warning each; wrong types and values out of range are errors.
bool options_read_json(json_t *object, struct pix_train_options *o);

#endif
