// SPDX-License-Identifier: MIT
//
// What follows from the number of a step: the number of steps, the learning rate, and
// the block of numbers that kernels read.

#ifndef SETTINGS_SCHEDULE_H
#define SETTINGS_SCHEDULE_H

#include "base/base.h"
#include "settings/settings.h"
#include "shared/step.h"

#include <math.h>

// Adam's beta2 and epsilon: PyTorch's defaults, which the port has no options for.
#define SCHEDULE_BETA2 0.999
#define SCHEDULE_EPSILON 1e-8

// Steps of all epochs over `images` images. Batches run across the end of an epoch, so
// only the last of the run can reach past the data's end.
uint64_t schedule_all_steps(const struct settings *s, uint32_t images);

// The run's total: the option `steps`, or all epochs.
uint64_t schedule_steps(const struct settings *s, uint32_t images);

// State of --lr-policy plateau after the validations so far. Starts as
// SCHEDULE_PLATEAU_START.
struct schedule_plateau {
    double best;      // of the scores so far; better by a threshold counts
    uint32_t bad;     // validations since then
    double factor;    // of the learning rate, 1 at first
};
#define SCHEDULE_PLATEAU_START                                                         \
    {                                                                                  \
        .best = HUGE_VAL, .bad = 0, .factor = 1.0                                      \
    }

// PyTorch's ReduceLROnPlateau with the PyTorch port's numbers: mode min, factor 0.2,
// relative threshold 0.01, patience 5; mode max for a metric that rises. The port
// passes a constant as the error; here it is the score of a validation.
void schedule_plateau_update(struct schedule_plateau *p, double score, bool rises);

// The best validation so far. Starts as SCHEDULE_BEST_START.
struct schedule_best {
    double score;
    uint64_t step;    // after which it was; 0: none yet
    uint32_t bad;     // validations since then, none of them better
};
#define SCHEDULE_BEST_START                                                            \
    {                                                                                  \
        .score = HUGE_VAL, .step = 0, .bad = 0                                         \
    }

// Whether the score after a step is better than all before. An equal one is not, and
// neither is a NaN.
bool schedule_best_update(struct schedule_best *b, uint64_t step, double score,
                          bool rises);

// Whether a run with this patience ends.
bool schedule_is_over(const struct schedule_best *b, uint32_t patience);

// The factor of the learning rate in an epoch, counted from 1.
//
//     linear    1 for n_epochs, then falling by equal parts; never below 0
//     step      a tenth every lr_decay_iters epochs
//     cosine    half a cosine from 1 to 0 over all epochs, and 0 after them
//     plateau   the factor of `plateau`; NULL is 1
double schedule_factor(const struct settings *s, uint64_t epoch,
                       const struct schedule_plateau *plateau);

// Whether the factor is 0 after the last epoch.
bool schedule_ends(const struct settings *s);

// The block of a step in an epoch, both counted from 1.
struct step_block schedule_block(const struct settings *s, uint64_t step,
                                 uint64_t epoch,
                                 const struct schedule_plateau *plateau);

#endif
