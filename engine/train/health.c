// SPDX-License-Identifier: MIT
//
// Detectors and the table of their thresholds. See health.h.

#include "train/health.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

// ---------------------------------------------------------------------------
// The thresholds. They are meant to be silent in a run that is merely slow: each takes
// what lasts, and what is far outside of what good runs show.

// The losses of one step depend on its images: means over this many steps count.
#define WINDOW_STEPS 500
// A discriminator that is ahead for a while is usual, and the generator catches up.
// This many windows in a row are 2000 steps: five epochs of the facades of the paper.
#define WINDOWS 4
// G's loss grows: by this factor from the first of these windows to the last. What
// it moves by at an equilibrium is less.
#define GROWTH 1.05

// Means of a window, by the kind of loss (shared/loss.h). Where D cannot tell the two
// apart they are log 2, 1/4 and 1.
static const struct won {
    double d_below;    // each half of D's loss
    double g_above;
    bool grows;    // G's loss has no upper bound, and grows
} won[] = {
    // D gives every patch 99 % to what it is, and fakes less than 1 % to be real.
    [GAN_VANILLA] = { .d_below = 0.01, .g_above = 4.6, .grows = true },
    // Outputs are within 0.1 of the labels: G's loss cannot go far beyond 1.
    [GAN_LSGAN] = { .d_below = 0.01, .g_above = 0.8, .grows = false },
    // All but few patches are beyond the margin, where D has no gradient.
    [GAN_HINGE] = { .d_below = 0.01, .g_above = 1.0, .grows = true },
    // A critic's loss is a distance: it has no value at which one side has won.
    [GAN_WGANGP] = { .d_below = -HUGE_VAL },
    [GAN_NONE] = { .d_below = -HUGE_VAL },
};

// Looks in a row, and steps from the first to the last: what a network shows before it
// has learned anything does not count.
#define LOOKS 3
#define LOOK_STEPS 100
// Of what targets show. Good outputs have most of both; blurred ones more than a half.
#define ONE_COLOUR 0.02
#define SAME_OUTPUT 0.05

// Validations in a row that are no better than the mean colour, nor than those before
// by this part, and the step from which on they count. What an untrained network
// returns is worse, too: a run that learns slowly gets better all the time.
#define FLAT_VALIDATIONS 3
#define FLAT_GAIN 0.01
#define FLAT_STEPS 1000

// Validations after the best one, all of them no better: as many as --lr-policy plateau
// lets pass.
#define VALIDATIONS 5
// The score is worse than the best by this part of it, and the training loss lower than
// it was then: both more than they move from one validation to the next.
#define WORSE 0.02
#define LOWER 0.95

// Updates in a row that are left out. A scale of 65,536 is halved sixteen times until
// it is 1; a run that finds its scale needs fewer.
#define SKIPS 20

// ---------------------------------------------------------------------------

void health_init(struct health *h, enum gan_mode gan, enum pix_metric judge)
{
    *h = (struct health){ .gan = gan, .judge = judge };
}

const char *health_sign_name(enum health_sign sign)
{
    static const char *const names[HEALTH_SIGNS] = {
        [HEALTH_D_WON] = "discriminator_won", [HEALTH_SAME_OUTPUT] = "same_output",
        [HEALTH_ONE_COLOUR] = "one_colour",   [HEALTH_OVERFIT] = "overfitting",
        [HEALTH_MEAN_COLOUR] = "mean_colour", [HEALTH_LEFT_OUT] = "updates_left_out",
    };
    return names[sign];
}

// True the first time.
static bool say(struct health *h, enum health_sign sign, uint64_t step,
                struct health_warning *w)
{
    const bool is_new = !h->said[sign];
    h->said[sign] = true;
    *w = (struct health_warning){ .sign = sign, .step = step };
    return is_new;
}

// A window is complete. Comparisons with NaN are false.
static bool end_window(struct health *h, uint64_t step, struct health_warning *w)
{
    const struct won *limits = &won[h->gan];
    const double real = h->gan_window.d_real / WINDOW_STEPS;
    const double fake = h->gan_window.d_fake / WINDOW_STEPS;
    const double g = h->gan_window.g_gan / WINDOW_STEPS;
    const uint64_t first = h->gan_window.first;
    h->gan_window.steps = 0;
    h->gan_window.d_real = h->gan_window.d_fake = h->gan_window.g_gan = 0;
    if (!(real < limits->d_below && fake < limits->d_below && g > limits->g_above)) {
        h->gan_window.windows = 0;
        return false;
    }
    if (h->gan_window.windows++ == 0) {
        h->gan_window.since = first;
        h->gan_window.g_first = g;
    }
    if (h->gan_window.windows < WINDOWS ||
        (limits->grows && g < GROWTH * h->gan_window.g_first) ||
        !say(h, HEALTH_D_WON, step, w))
        return false;
    snprintf(w->text, sizeof(w->text),
             "the discriminator has won: since step %" PRIu64
             " its losses are near 0 (real %.2g, fake %.2g), and the generator's GAN "
             "loss went from %.3g to %.3g, so that it learns little from it. What "
             "usually helps: a weaker discriminator (lower --ndf or --d-loss-weight), "
             "or another run with --gan-mode lsgan; where the sample grids look good "
             "there is no need",
             h->gan_window.since, real, fake, h->gan_window.g_first, g);
    return true;
}

bool health_add_step(struct health *h, uint64_t step,
                     const struct health_losses *losses, struct health_warning *w)
{
    h->validation.l1 += losses->g_l1;
    h->validation.steps++;
    if (h->gan_window.steps++ == 0)
        h->gan_window.first = step;
    h->gan_window.d_real += losses->d_real;
    h->gan_window.d_fake += losses->d_fake;
    h->gan_window.g_gan += losses->g_gan;
    return h->gan_window.steps == WINDOW_STEPS && end_window(h, step, w);
}

bool health_add_scales(struct health *h, uint64_t step,
                       const struct health_scales *scales, struct health_warning *w)
{
    // Of a run that goes on from a checkpoint the counts before this step are not
    // known.
    const bool is_first = !h->has_scales && step > 1;
    h->has_scales = true;
    for (int i = 0; i < 2; i++) {
        const bool is_skip = !is_first && scales->skipped[i] > h->skipped[i];
        h->skips[i] = is_skip ? h->skips[i] + 1 : 0;
        h->skipped[i] = scales->skipped[i];
        if (h->skips[i] < SKIPS || !say(h, HEALTH_LEFT_OUT, step, w))
            continue;
        snprintf(w->text, sizeof(w->text),
                 "the last %d updates of the %s were left out: f16 cannot hold its "
                 "gradients, now at a loss scale of %g. What usually helps: "
                 "another run with --precision bf16 or f32; a lower --lr or "
                 "--lambda-l1 if its losses grow",
                 SKIPS, i == 0 ? "discriminator" : "generator", scales->scale[i]);
        return true;
    }
    return false;
}

// Counts a look; true if it shows.
static bool count_look(struct health_streak *streak, uint64_t step, bool shows)
{
    if (!shows)
        streak->looks = 0;
    else if (streak->looks++ == 0)
        streak->since = step;
    return shows;
}

// Whether looks have shown it for long enough.
static bool lasts(struct health_streak *streak, uint64_t step, bool shows)
{
    return count_look(streak, step, shows) && streak->looks >= LOOKS &&
           step - streak->since >= LOOK_STEPS;
}

// Outputs of one colour are alike, too: after that sentence the other one says nothing
// new. Each lasts by itself, so that a run between the two shows at least that outputs
// are alike.
bool health_add_look(struct health *h, uint64_t step, const struct health_look *look,
                     struct health_warning *w)
{
    const bool is_colour = look->output_spread < ONE_COLOUR * look->target_spread;
    const bool is_same = look->input_distance > 0 &&
                         look->output_distance < SAME_OUTPUT * look->target_distance;
    const bool colour = lasts(&h->colour, step, is_colour);
    const bool same = lasts(&h->same, step, is_same);
    if (colour && say(h, HEALTH_ONE_COLOUR, step, w)) {
        h->said[HEALTH_SAME_OUTPUT] = true;
        snprintf(w->text, sizeof(w->text),
                 "the generator's output is one colour since step %" PRIu64
                 " (its pixels differ by %.2g %% of what those of targets do). What "
                 "usually helps: another run with a lower --lr or another --seed, and "
                 "a norm if this one has --norm none",
                 h->colour.since, 100 * look->output_spread / look->target_spread);
        return true;
    }
    if (same && say(h, HEALTH_SAME_OUTPUT, step, w)) {
        snprintf(
            w->text, sizeof(w->text),
            "the generator's output hardly depends on its input since step %" PRIu64
            " (outputs of different inputs differ by %.2g %% of what their targets "
            "do). What usually helps: see whether inputs and targets belong "
            "together in the sample grids (--direction, the names of the pairs); "
            "then another run with a lower --lr or another --seed",
            h->same.since, 100 * look->output_distance / look->target_distance);
        return true;
    }
    return false;
}

// A run that is so bad has learned nothing by heart, though its validations may get
// worse: that sentence would say something else.
bool health_add_baseline(struct health *h, uint64_t step, double l1, double mean_colour,
                         struct health_warning *w)
{
    const bool learns = h->flat_best > 0 && l1 < (1 - FLAT_GAIN) * h->flat_best;
    if (isfinite(l1) && (h->flat_best == 0 || learns))
        h->flat_best = l1;
    if (!count_look(&h->flat, step, l1 >= mean_colour && !learns) ||
        h->flat.looks < FLAT_VALIDATIONS || step < FLAT_STEPS ||
        !say(h, HEALTH_MEAN_COLOUR, step, w))
        return false;
    h->said[HEALTH_OVERFIT] = true;
    snprintf(w->text, sizeof(w->text),
             "the generator is no better than one colour: since step %" PRIu64
             " its L1 in validations (now %.3g) is not below that of the mean colour "
             "of the training targets (%.3g). What usually helps: another run with a "
             "lower --lr; see whether inputs and targets belong together in the sample "
             "grids; and more images where the training L1 is much lower",
             h->flat.since, l1, mean_colour);
    return true;
}

bool health_add_validation(struct health *h, uint64_t step, double score,
                           struct health_warning *w)
{
    const char *name = choice_name(choice_metrics, (int)h->judge);
    const bool rises = choice_metric_rises(h->judge);
    const double l1 = h->validation.l1 / (double)h->validation.steps;
    const double best = h->validation.best;
    h->validation.l1 = 0;
    h->validation.steps = 0;
    if (isfinite(score) &&
        (h->validation.best_step == 0 || (rises ? score > best : score < best))) {
        h->validation.best = score;
        h->validation.best_l1 = l1;
        h->validation.best_step = step;
        h->validation.bad = 0;
        return false;
    }
    if (h->validation.best_step == 0)
        return false;
    h->validation.bad++;
    const double worse = (rises ? best - score : score - best) / fabs(best);
    if (h->validation.bad < VALIDATIONS || !(worse >= WORSE) ||
        !(l1 <= LOWER * h->validation.best_l1) || !say(h, HEALTH_OVERFIT, step, w))
        return false;
    snprintf(
        w->text, sizeof(w->text),
        "the generator learns its images by heart: since step %" PRIu64
        " validations get worse (%s %.4g, now %.4g) while the training L1 falls "
        "(%.4g, now %.4g). What usually helps: the checkpoint that --best %s keeps, "
        "--patience, which ends such a run, and more images",
        h->validation.best_step, name, best, score, h->validation.best_l1, l1, name);
    return true;
}
