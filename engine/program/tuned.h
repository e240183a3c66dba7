// SPDX-License-Identifier: MIT
//
// Where tuning tables come from: nowhere (--tuning off), a file (--tuning FILE), or the
// user's cache folder, which has one file for each device, driver and set of kernels;
// what that lacks is measured once (--tuning auto on a GPU, --tuning on anywhere). A
// cache is never trusted: whatever is wrong with it costs no more than measuring again.

#ifndef PROGRAM_TUNED_H
#define PROGRAM_TUNED_H

#include "ops/tuning.h"
#include "program/tune.h"

bool tuned_uses_cache(enum tuning_mode mode);    // TUNING_AUTO and TUNING_ON

// Reads the table of a mode into a zeroed one, which may stay empty. `path` is that of
// TUNING_FILE. False after a message where that file cannot be used.
bool tuned_open(const struct gpu_device *device, enum tuning_mode mode,
                const char *path, struct tuning *t);

// How long an automatic tuning may take on a GPU. A software driver gets a third: it
// compiles slowly and has least to gain, since the built-in choice is fitted to one.
#define TUNED_SECONDS_RUN 30.0      // before a run of many steps
#define TUNED_SECONDS_IMAGE 10.0    // before perhaps one image

// How many of the shapes the table lacks.
size_t tuned_missing(const struct conv_shapes *shapes, const struct tuning *t);

// Measures what the table lacks of the shapes, for `seconds` at most, and keeps
// it in the cache. What time does not suffice for keeps the built-in choice, in the
// cache too: nobody waits twice. With TUNING_AUTO nothing is measured on a software
// driver. What is done, or not, is logged. False if the device failed.
bool tuned_complete(struct gpu_device *device, enum tuning_mode mode,
                    double submission_seconds, double seconds,
                    const struct conv_shapes *shapes, struct tuning *t);

// The part of a table that concerns these shapes.
bool tuned_select(const struct tuning *all, const struct conv_shapes *shapes,
                  struct tuning *part);

// Measures all shapes, however long it takes, and replaces what the cache has of them.
// `report` as in tune_options.
bool tuned_measure(struct gpu_device *device, double submission_seconds,
                   const struct conv_shapes *shapes,
                   bool (*report)(void *user, const struct tune_result *result,
                                  size_t done, size_t count),
                   void *user);

// Path of the cache's file for a device; NULL where there is no cache folder. Caller
// frees.
char *tuned_cache_path(const struct gpu_device *device);

#endif
