// SPDX-License-Identifier: MIT
//
// Which image each sample of a stream takes, and its random numbers. Sample s (from 0
// over the whole run) belongs to epoch s / count, and every image comes once in an
// epoch. Both are pure functions of (seed, s): no thread and no earlier sample has a
// part in it.

#ifndef DATA_ORDER_H
#define DATA_ORDER_H

#include "base/base.h"
#include "data/augment.h"

struct order;

// For `count` images; without `shuffle` they come by number in every epoch. NULL
// without memory, after a message.
struct order *order_create(uint64_t seed, uint32_t count, bool shuffle);
void order_destroy(struct order *order);    // NULL is fine

// The image of a sample, 0 to count - 1. The order of two epochs is kept: callers lock
// if there are several threads.
uint32_t order_find_image(struct order *order, uint64_t sample);

// The crop and mirror of a sample.
struct order_jitter {
    uint32_t crop_x, crop_y;    // 0 to offsets_x - 1, offsets_y - 1
    uint32_t mirror;            // 0 or 1, each with probability 1/2
};

struct order_jitter order_draw_jitter(const struct order *order, uint64_t sample,
                                      uint32_t offsets_x, uint32_t offsets_y);

// Of numbers of their own, which change no crop and no mirror.
struct augment_draws order_draw_augment(const struct order *order, uint64_t sample);

#endif
