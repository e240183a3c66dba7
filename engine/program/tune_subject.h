// SPDX-License-Identifier: MIT
//
// One shape of a convolution on a device, for the tuner: random operands, what the
// simple kernel makes of them, and whether another kernel makes the same.

#ifndef PROGRAM_TUNE_SUBJECT_H
#define PROGRAM_TUNE_SUBJECT_H

#include "ops/conv_variant.h"

struct gpu_device;
struct program;
struct tensor;
struct weights;

// The caller sets the first four.
struct tune_subject {
    struct gpu_device *device;
    double submission_seconds;
    double end;    // os_seconds() after which nothing is begun that can be left out
    const struct conv_shape *shape;
    struct weights *tensors;
    struct tensor *a, *b, *out;
    float *reference;    // of the simple kernel; NaN where it computed nothing
    float *result;
    float tolerance;
    uint64_t flops;    // of the product
};

// Memory on the device and random numbers in [-1, 1]. False after a message; either way
// tune_subject_finish frees it.
bool tune_subject_begin(struct tune_subject *s);
void tune_subject_finish(struct tune_subject *s);

// A started program of one variant: the product `repeats` times, each writing the same
// result. NULL after a message; caller destroys.
struct program *tune_subject_program(const struct tune_subject *s,
                                     const struct conv_variant *variant,
                                     uint32_t repeats);

// Fills the result on the device with NaN, which no kernel writes: what one leaves out
// shows.
bool tune_subject_erase(struct tune_subject *s);

// Computes the reference by the simple kernel, and `flops`.
bool tune_subject_refer(struct tune_subject *s);

// Whether the result on the device differs from the reference by more than rounding.
// False if it cannot be read.
bool tune_subject_check(struct tune_subject *s, bool *is_wrong);

#endif
