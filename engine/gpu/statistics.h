// SPDX-License-Identifier: MIT
//
// What the driver's compiler says of a kernel: registers, spills, code size, and the
// machine code as text. For reports, see tests/isa.c. A device keeps it only if opened
// with `statistics`, and only where the driver has
// VK_KHR_pipeline_executable_properties.

#ifndef GPU_STATISTICS_H
#define GPU_STATISTICS_H

#include "base/base.h"

struct gpu_device;
struct gpu_kernel;

struct gpu_statistic {
    char name[64];    // the driver's word
    double value;     // 1 or 0 where it is a truth
};

struct gpu_statistics {
    struct gpu_statistic *values;
    uint32_t count;
    uint32_t subgroup_size;
    char *assembly;    // NULL: the driver shows none
};

bool gpu_device_has_statistics(const struct gpu_device *device);

// Of the kernel's compute shader; false after a message. Freed with
// gpu_statistics_finish.
bool gpu_statistics_read(struct gpu_device *device, const struct gpu_kernel *kernel,
                         struct gpu_statistics *out);
void gpu_statistics_finish(struct gpu_statistics *s);

#endif
