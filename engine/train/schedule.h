// SPDX-License-Identifier: MIT
//
// What follows from the number of a step: how many there are, the learning rate, and
// the block of numbers that the kernels read.

#ifndef TRAIN_SCHEDULE_H
#define TRAIN_SCHEDULE_H

#include "base/base.h"
#include "pix2pix.h"
#include "shared/step.h"

// Adam's second moment, which the PyTorch port has no option for.
#define SCHEDULE_BETA2 0.999
#define SCHEDULE_EPSILON 1e-8

// Steps of all epochs over `images` images. Batches run across the end of an epoch, so
// only the last of the run can reach past the data's end.
uint64_t schedule_all_steps(const struct pix_train_options *o, uint32_t images);

// The run's total: the option `steps`, or all epochs.
uint64_t schedule_steps(const struct pix_train_options *o, uint32_t images);

// Share of the learning rate in an epoch, counted from 1: 1 for n_epochs, then falling
// by equal parts; never below 0.
double schedule_factor(const struct pix_train_options *o, uint64_t epoch);

// The block of a step, counted from 1, in an epoch, counted from 1.
struct step_block schedule_block(const struct pix_train_options *o, uint64_t step,
                                 uint64_t epoch);

#endif
