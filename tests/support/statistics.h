// SPDX-License-Identifier: MIT
//
// What the driver's compiler reports about a kernel: registers, spills, code size, and
// the machine code as text. For reports, see tests/isa.c. A device keeps it only if
// opened with `statistics`, and only where the driver has
// VK_KHR_pipeline_executable_properties.

#ifndef SUPPORT_STATISTICS_H
#define SUPPORT_STATISTICS_H

#include "base/base.h"

struct gpu_device;
struct gpu_kernel;

struct statistic {
    char name[64];    // the driver's word
    double value;     // 1 or 0 where it is a truth
};

struct statistics {
    struct statistic *values;
    uint32_t count;
    uint32_t subgroup_size;
    char *assembly;    // NULL: the driver shows none
};

bool statistics_are_kept(const struct gpu_device *device);

// Reads those of a kernel. False after a message. Freed with statistics_finish.
bool statistics_read(struct gpu_device *device, const struct gpu_kernel *kernel,
                     struct statistics *out);
void statistics_finish(struct statistics *s);

#endif
