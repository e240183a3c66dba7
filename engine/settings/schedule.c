// SPDX-License-Identifier: MIT
//
// Steps and epochs. Everything is computed in doubles from the settings, the step and
// the epoch, and nothing is accumulated, so that a resumed run has the numbers of one
// that was not interrupted.

#include "settings/schedule.h"

#include <assert.h>
#include <math.h>

uint64_t schedule_all_steps(const struct settings *s, uint32_t images)
{
    // Two million epochs of 2^32 images are below 2^53: no overflow.
    uint64_t epochs = (uint64_t)s->options.n_epochs + s->options.n_epochs_decay;
    return DIV_UP(epochs * images, (uint64_t)settings_images_per_step(s));
}

// `steps` may go past the epochs: the policies are defined for every epoch.
uint64_t schedule_steps(const struct settings *s, uint32_t images)
{
    return s->options.steps ? s->options.steps : schedule_all_steps(s, images);
}

#define STEP_FACTOR 0.1    // the PyTorch port's StepLR(gamma)

// The PyTorch port's ReduceLROnPlateau; PyTorch's own defaults are 0.1, 1e-4 and 10.
#define PLATEAU_FACTOR 0.2
#define PLATEAU_THRESHOLD 0.01
#define PLATEAU_PATIENCE 5

void schedule_plateau_update(struct schedule_plateau *p, double score, bool rises)
{
    // A NaN is no improvement, as in PyTorch.
    const bool is_first = isinf(p->best) && !isnan(score);
    if (is_first || (rises ? score > p->best * (1 + PLATEAU_THRESHOLD)
                           : score < p->best * (1 - PLATEAU_THRESHOLD))) {
        p->best = score;
        p->bad = 0;
        return;
    }
    if (++p->bad > PLATEAU_PATIENCE) {    // the sixth in a row
        p->factor *= PLATEAU_FACTOR;
        p->bad = 0;
    }
}

bool schedule_best_update(struct schedule_best *b, uint64_t step, double score,
                          bool rises)
{
    const bool is_better = b->step == 0 ? !isnan(score)
                           : rises      ? score > b->score
                                        : score < b->score;
    if (is_better)
        *b = (struct schedule_best){ .score = score, .step = step };
    else
        b->bad++;
    return is_better;
}

bool schedule_is_over(const struct schedule_best *b, uint32_t patience)
{
    return patience > 0 && b->bad >= patience;
}

// The PyTorch port divides by one more than the number of decay epochs, so that the
// last one still learns. This is its rule since 2025, when it began to step schedulers
// at the end of an epoch. Its versions since 2020 step them at the beginning: there the
// decay starts an epoch earlier, and the last epoch has the rate 0.
static double linear_factor(const struct settings *s, uint64_t epoch)
{
    if (epoch <= s->options.n_epochs)
        return 1;
    double past = (double)(epoch - s->options.n_epochs);
    return fmax(0, 1 - past / ((double)s->options.n_epochs_decay + 1));
}

// With --n-epochs-decay 0 this is the port's CosineAnnealingLR(T_max = n_epochs). With
// more epochs the port's rate would rise again.
static double cosine_factor(const struct settings *s, uint64_t epoch)
{
    const double pi = 3.14159265358979323846;
    // Not 0: options_check refuses a run without epochs.
    double all = (double)s->options.n_epochs + (double)s->options.n_epochs_decay;
    return (1 + cos(pi * fmin((double)(epoch - 1) / all, 1))) / 2;
}

double schedule_factor(const struct settings *s, uint64_t epoch,
                       const struct schedule_plateau *plateau)
{
    switch (s->lr_policy) {
    case LR_STEP:
        // Epoch 1 + lr_decay_iters is the first with a tenth.
        return pow(STEP_FACTOR, (double)((epoch - 1) / s->options.lr_decay_iters));
    case LR_COSINE:
        return cosine_factor(s, epoch);
    case LR_PLATEAU:
        return plateau ? plateau->factor : 1;
    case LR_LINEAR:
        break;
    }
    return linear_factor(s, epoch);
}

bool schedule_ends(const struct settings *s)
{
    return s->lr_policy == LR_LINEAR || s->lr_policy == LR_COSINE;
}

struct step_block schedule_block(const struct settings *s, uint64_t step,
                                 uint64_t epoch, const struct schedule_plateau *plateau)
{
    assert(step > 0 && epoch > 0);
    // Kingma and Ba 2015, algorithm 1, as PyTorch has it: epsilon is added to the
    // corrected root (lib/adam.glsl), where Torch7 and TensorFlow add it before the
    // correction. In doubles: 1 - 0.999 in floats has lost three of its seven digits.
    double lr = s->options.lr * schedule_factor(s, epoch, plateau);
    double n = (double)step;
    return (struct step_block){
        // Random masks may repeat after 2^32 steps.
        .step = (uint32_t)step,
        .seed_low = (uint32_t)s->options.seed,
        .seed_high = (uint32_t)(s->options.seed >> 32),
        .lr = (float)lr,
        .adam_step_size = (float)(lr / (1 - pow(s->options.beta1, n))),
        .adam_root = (float)sqrt(1 - pow(SCHEDULE_BETA2, n)),
    };
}
