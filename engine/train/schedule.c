// SPDX-License-Identifier: MIT
//
// Counting steps and epochs. Everything is computed in double from the options, the
// step and the epoch, never carried along, so that a continued run has the same numbers
// as a straight one.

#include "train/schedule.h"

#include <assert.h>
#include <math.h>

uint64_t schedule_all_steps(const struct pix_train_options *o, uint32_t images)
{
    uint64_t epochs = (uint64_t)o->n_epochs + o->n_epochs_decay;
    return DIV_UP(epochs * images, (uint64_t)o->batch_size);
}

uint64_t schedule_steps(const struct pix_train_options *o, uint32_t images)
{
    return o->steps ? o->steps : schedule_all_steps(o, images);
}

// The PyTorch port divides by one more than the number of epochs that fall, so that the
// last of them still learns.
double schedule_factor(const struct pix_train_options *o, uint64_t epoch)
{
    if (epoch <= o->n_epochs)
        return 1;
    double past = (double)(epoch - o->n_epochs);
    return fmax(0, 1 - past / ((double)o->n_epochs_decay + 1));
}

struct step_block schedule_block(const struct pix_train_options *o, uint64_t step,
                                 uint64_t epoch)
{
    assert(step > 0 && epoch > 0);
    double lr = o->lr * schedule_factor(o, epoch);
    double n = (double)step;
    return (struct step_block){
        // Random masks may repeat after 2^32 steps.
        .step = (uint32_t)step,
        .seed_low = (uint32_t)o->seed,
        .seed_high = (uint32_t)(o->seed >> 32),
        .lr = (float)lr,
        .adam_step_size = (float)(lr / (1 - pow(o->beta1, n))),
        .adam_root = (float)sqrt(1 - pow(SCHEDULE_BETA2, n)),
    };
}
