// SPDX-License-Identifier: MIT
//
// The names that options choose between: one table for each enum, read in both
// directions. Where both states of a flag have a name, its table has false and true.

#ifndef SETTINGS_CHOICE_H
#define SETTINGS_CHOICE_H

#include "base/base.h"
#include "pix2pix.h"

enum gan_mode {
    GAN_VANILLA,    // binary cross-entropy on logits
    GAN_LSGAN,      // mean squares (Mao et al. 2017)
    GAN_HINGE,      // hinge loss (Lim and Ye 2017)
    GAN_WGANGP,     // Wasserstein with a gradient penalty (Gulrajani et al. 2017)
    GAN_NONE,       // no discriminator
};

// See schedule_factor.
enum lr_policy { LR_LINEAR, LR_STEP, LR_COSINE, LR_PLATEAU };

// The discriminator: of 3 layers, of --n-layers-d layers, of 1x1 convolutions.
enum net_d { NET_D_BASIC, NET_D_N_LAYERS, NET_D_PIXEL };

// The sides that are label maps.
enum label_sides { LABELS_INPUT, LABELS_OUTPUT, LABELS_BOTH };

// How a trained generator is run.
enum translation_mode {
    TRANSLATION_STABLE,     // statistics of each image, no dropout
    TRANSLATION_PAPER,      // statistics of each image, dropout
    TRANSLATION_RUNNING,    // running statistics, no dropout
};

struct choice {
    const char *name;    // NULL: the end of the table
    int value;
};

// Finds the value of a name. False if the table does not have it or it is NULL; then
// *value is unchanged.
bool choice_find(const struct choice *table, const char *name, int *value);

// The same where the table is known to have the name, or the value.
int choice_value(const struct choice *table, const char *name);
const char *choice_name(const struct choice *table, int value);

// All names of a table, "stable, paper or running", cut to the size. Returns text.
const char *choice_list(const struct choice *table, char *text, size_t size);

extern const struct choice choice_directions[];       // false: AtoB, true: BtoA
extern const struct choice choice_nets_d[];           // enum net_d
extern const struct choice choice_norms[];            // enum model_norm
extern const struct choice choice_upsamplings[];      // generator_options.resize
extern const struct choice choice_dropouts[];         // generator_options.dropout_inner
extern const struct choice choice_biases[];           // generator_options.bias
extern const struct choice choice_concats[];          // generator_options.decoder_first
extern const struct choice choice_laws[];             // enum weights_law
extern const struct choice choice_preprocess[];       // enum fit_mode
extern const struct choice choice_tasks[];            // enum task_kind
extern const struct choice choice_holes[];            // enum hole_kind
extern const struct choice choice_labels[];           // enum label_sides
extern const struct choice choice_filters[];          // enum resize_filter
extern const struct choice choice_npy_orders[];       // enum array_order
extern const struct choice choice_truncated[];        // picture_reading.keep_truncated
extern const struct choice choice_alphas[];           // enum alpha_rule
extern const struct choice choice_gan_modes[];        // enum gan_mode
extern const struct choice choice_update_orders[];    // settings.reuse
extern const struct choice choice_lr_policies[];      // enum lr_policy
extern const struct choice choice_optimizers[];       // enum optimizer_kind
extern const struct choice choice_precisions[];       // enum precision
extern const struct choice choice_on_nan[];           // settings.ignores_nan
extern const struct choice choice_tile_statistics[];    // translator_tiling.samples
extern const struct choice choice_tunings[];    // enum tuning_mode but TUNING_FILE

extern const struct choice choice_metrics[];         // enum pix_metric
bool choice_metric_rises(enum pix_metric metric);    // larger values are better

// Choices of translate and convert.
extern const struct choice choice_translation_modes[];    // enum translation_mode
extern const struct choice choice_scalings[];             // enum fit_mode

#endif
