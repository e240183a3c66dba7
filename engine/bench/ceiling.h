// SPDX-License-Identifier: MIT
//
// What a device can do at most, measured with kernels that do one thing only: compute,
// copy, nothing. And whether its timestamps can be trusted.

#ifndef BENCH_CEILING_H
#define BENCH_CEILING_H

#include "bench/measure.h"

struct gpu_device;

enum ceiling {
    CEILING_SUBMISSION,    // an empty one, by the host's clock
    CEILING_FMA_F32,
    CEILING_FMA_F16,     // 0 samples: not on this device
    CEILING_COPY,        // by a kernel
    CEILING_TRANSFER,    // by the driver
    CEILING_DISPATCH,    // an empty one, with the barrier after it
    CEILING_COUNT
};

struct ceilings {
    struct measure_clock clock;
    struct ceiling_entry {
        const char *name;      // the same on every device
        const char *kernel;    // "" where there is none
        struct measurement time;
        uint64_t flops, bytes;
    } entries[CEILING_COUNT];
    double flops_per_second;    // f32
    double bytes_per_second;    // read plus written, the better way of copying
};

// Names only: for devices that execute nothing.
void ceilings_init(struct ceilings *c);

// `aim`: seconds for each.
bool ceilings_measure(struct gpu_device *device, double aim, struct ceilings *c);

// The share of the ceilings that some work reaches: the time it would take at them,
// computing and moving at once, over the time it took. *by_bytes: moving is the longer.
double ceilings_share(const struct ceilings *c, uint64_t flops, uint64_t bytes,
                      double seconds, bool *by_bytes);

#endif
