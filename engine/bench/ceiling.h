// SPDX-License-Identifier: MIT
//
// What a device can do at most, measured with kernels that do one thing only: compute,
// copy, nothing. And whether its timestamps can be trusted.

#ifndef BENCH_CEILING_H
#define BENCH_CEILING_H

#include "bench/floor.h"
#include "bench/measure.h"

struct ceilings;
struct gpu_device;

enum ceiling {
    CEILING_SUBMISSION,    // an empty one, by the host's clock
    CEILING_FMA_F32,
    CEILING_FMA_F16,       // 0 samples: not on this device
    CEILING_MATRIX_F16,    // by matrix units, summed in f32; likewise
    CEILING_MATRIX_BF16,
    CEILING_COPY,        // by a kernel
    CEILING_COPY_16,     // by a kernel, number by number; 0 samples: not on this device
    CEILING_TRANSFER,    // by the driver
    CEILING_DISPATCH,    // an empty one, with the barrier after it
    CEILING_OVERLAP,     // the same without the barrier
    CEILING_COUNT
};

struct ceiling_entry {
    const char *name;      // the same on every device
    const char *kernel;    // "" where there is none
    struct measurement time;
    uint64_t flops, bytes;
};

// Makes kernels and buffers, and measures each ceiling for `aim` seconds. NULL after a
// message.
struct ceilings *ceilings_create(struct gpu_device *device, double aim);
void ceilings_destroy(struct ceilings *c);    // NULL is fine

const struct ceiling_entry *ceilings_entry(const struct ceilings *c,
                                           enum ceiling which);

// The clock of calls and ceilings; whole steps always have the host's.
const struct measure_clock *ceilings_clock(const struct ceilings *c);

// What the device can do just now, by the fastest of three runs of each. To be taken
// beside what is compared with it.
bool ceilings_take(const struct ceilings *c, struct rates *out);

#endif
