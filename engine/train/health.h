// SPDX-License-Identifier: MIT
//
// Signs that a run has gone wrong although its numbers are finite: functions of what a
// run measures anyway. Each says its sentence once; health.c has the thresholds.
// Nothing of it is in checkpoints: a run that is continued begins to watch again. What
// was said stays in the report of the run (trainer_report.c).

#ifndef TRAIN_HEALTH_H
#define TRAIN_HEALTH_H

#include "settings/choice.h"

// What a step says; NaN for what the run does not have.
struct health_losses {
    double d_real, d_fake, g_gan, g_l1;
};

// What outputs say beside their inputs and targets: how far the pixels of an image are
// from its mean, and how far neighbouring images are from each other, as root mean
// squares in samples; a distance of one image alone is NaN.
struct health_look {
    double output_spread, target_spread;
    double input_distance, output_distance, target_distance;
};

// Looks in a row that show the same.
struct health_streak {
    uint32_t looks;
    uint64_t since;    // the step of the first
};

enum health_sign {
    HEALTH_D_WON,    // the discriminator's losses are near 0, the generator's grows
    HEALTH_SAME_OUTPUT,    // the output does not depend on the input
    HEALTH_ONE_COLOUR,     // the output is one colour
    HEALTH_OVERFIT,        // validations get worse while the training loss falls
    HEALTH_MEAN_COLOUR,    // outputs are no nearer to targets than one colour
    HEALTH_LEFT_OUT,       // the updates of a network in f16 are left out
    HEALTH_SIGNS
};

// Updates of D and G that a loss scale left out so far, and the scales.
struct health_scales {
    uint64_t skipped[2];
    double scale[2];
};

struct health {
    enum gan_mode gan;
    enum pix_metric judge;    // of validations
    bool said[HEALTH_SIGNS];

    struct {
        uint64_t first;                  // step of the present window
        uint32_t steps;                  // of it so far
        double d_real, d_fake, g_gan;    // sums
        uint32_t windows;                // in a row that D has won
        uint64_t since;                  // the first step of these
        double g_first;                  // G's loss in the first of them
    } gan_window;

    bool has_scales;
    uint64_t skipped[2];    // of D and G before this step
    uint32_t skips[2];      // in a row

    struct health_streak same, colour, flat;
    double flat_best;    // L1 of validations so far; 0: none

    struct {
        double l1;         // sum since the last validation
        uint64_t steps;    // of it
        double best, best_l1;
        uint64_t best_step;    // 0: none yet
        uint32_t bad;          // validations since then
    } validation;
};

#define HEALTH_TEXT_SIZE 512

// What there is to say.
struct health_warning {
    enum health_sign sign;
    uint64_t step;    // after which it was seen
    char text[HEALTH_TEXT_SIZE];
};

// The name of a sign in files.
const char *health_sign_name(enum health_sign sign);

void health_init(struct health *h, enum gan_mode gan, enum pix_metric judge);

// Each takes what was seen after a step, counted from 1. True if there is something to
// say, which is in `w`.
bool health_add_step(struct health *h, uint64_t step,
                     const struct health_losses *losses, struct health_warning *w);
bool health_add_scales(struct health *h, uint64_t step,
                       const struct health_scales *scales, struct health_warning *w);
bool health_add_look(struct health *h, uint64_t step, const struct health_look *look,
                     struct health_warning *w);
// The L1 of a validation, and that of the mean colour of training targets.
bool health_add_baseline(struct health *h, uint64_t step, double l1, double mean_colour,
                         struct health_warning *w);
// The score of a validation by `judge`.
bool health_add_validation(struct health *h, uint64_t step, double score,
                           struct health_warning *w);

#endif
