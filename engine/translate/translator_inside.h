// SPDX-License-Identifier: MIT
//
// The inside of a translator, for the files that are one: translator.c loads a model,
// translator_override.c has what its caller knows better than the model,
// translator_images.c prepares images, translator_program.c runs them.

#ifndef TRANSLATE_TRANSLATOR_INSIDE_H
#define TRANSLATE_TRANSLATOR_INSIDE_H

#include "ops/tuning.h"
#include "program/program.h"
#include "settings/settings.h"
#include "translate/conversion.h"
#include "translate/translation.h"
#include "translate/translator.h"

// Runs that may be under way at once: one that the device works on, one that waits.
enum { SLOTS = TRANSLATOR_SLOTS };

// The program for a number of images of one form, started when the first ones come.
struct sized {
    uint32_t images;
    struct translator_form form;
    struct program *program;
    struct translation tensors;
    uint32_t oldest, in_flight;    // slot of the oldest run under way, and their number
};

struct translator {
    struct gpu_device *device;
    double submission_seconds;
    char *command;               // what messages begin with
    struct settings settings;    // of the model, with what the caller knows better
    char *model_path;            // of the checkpoint
    struct pix_translator_info info;
    char *table_path;      // of the tuning table that the caller named, or NULL
    bool carries_alpha;    // of inputs to their outputs
    bool has_told_alpha, has_told_strange;
    bool chose_input, chose_output;    // the kinds are the caller's
    struct picture mask;               // of --hole, or empty
    char *mask_path;
    enum pixel_kind written;    // with TASK_COLORIZE; PIXEL_KINDS: each input's
    struct conversions told;    // of single images, as flags
    struct frame_rule rule;     // of the sizes of images
    // Its scaling is the caller's; else that of training, and whether it was said.
    bool chose_scaling, has_told_scaling;
    uint32_t batch_size, threads;
    struct progress_view view;
    bool (*stop)(void *user);    // or NULL
    void *stop_user;
    enum translation_mode mode;
    struct step_block step;    // with the seed of dropout
    // Of inputs and outputs: by which option the caller named a range, or NULL; that
    // images were seen; that one of them can have a range; that none can was said.
    struct {
        const char *option;
        bool is_seen, is_used, was_told;
    } ranges[2];
    bool averages;    // use the moving averages of the weights, if there are
    enum tuning_mode tuning_mode;
    bool has_tuned, has_told;    // measured a size; said that others are not
    struct tuning tuning;
    struct weights *generator;
    struct translator_tiling tiling;
    struct given_norms given;    // where tiles measure, its weights
    struct sized now;            // what the last images needed
    uint32_t most;               // images of that size that the device can take at once
    bool has_warned;             // that an image looks like a pair
    bool has_told_size;    // that a single image was resized after its translation
};

// Makes the kept program one for this number of images of this form, not started yet.
bool translator_make_program(struct translator *t, uint32_t images,
                             const struct translator_form *form);
// Whether it can be planned, and with `fully` whether the device has what it needs.
// False after a message.
bool translator_check_program(struct translator *t, bool fully);
void translator_drop_program(struct translator *t);
// Replaces settings of the model by what the caller says. False after a message.
bool translator_override(struct translator *t, const struct pix_translate_options *o);
// Parses a choice of the caller; false after a message that names all of them.
bool translator_choose(const struct translator *t, const struct choice *table,
                       const char *option, const char *given, int *value);
// What else is asked for fits tiles; false after a message. Then, after the settings
// are known, how images are cut into them.
bool translator_check_tiling(const struct translator *t,
                             const struct pix_translate_options *o);
bool translator_set_tiling(struct translator *t, const struct pix_translate_options *o);
// Whether norms would use the statistics of an image, as far as the options say.
bool translator_has_own_statistics(const struct translator *t);
// Statistics that follow those of one image after the other, where that is asked for.
// After the settings are known. False after a message.
bool translator_set_flicker(struct translator *t,
                            const struct pix_translate_options *o);
// Makes room for the norms' statistics, with their scales and shifts. After a program
// was made and the weights were loaded. False after a message.
bool translator_prepare_given(struct translator *t);

#endif
