// SPDX-License-Identifier: MIT
//
// Sums and a comparison. See footprint.h.

#include "program/footprint.h"

#include "base/log.h"
#include "gpu/device.h"
#include "graph/barriers.h"
#include "graph/exec.h"

#include <stdio.h>

// Rounded up because it is bound as a uniform buffer of its own.
uint64_t footprint_step_block(void)
{
    return ALIGN_UP((uint64_t)sizeof(struct step_block), (uint64_t)TENSOR_ALIGNMENT);
}

bool footprint_sum_up(struct gpu_device *device, double submission_seconds,
                      const struct graph *g, const struct plan *plan,
                      struct pix_plan *out)
{
    out->arena_bytes = plan->arena_bytes;
    out->arena_bytes_without_reuse = plan->arena_bytes_without_reuse;
    out->dispatches = plan->dispatches;
    out->submissions = exec_estimate_submissions(g, gpu_device_limits(device)->is_cpu,
                                                 submission_seconds);
    out->flops_per_step = plan->flops;
    out->bytes_per_step = plan->bytes;
    out->device_bytes = out->state_bytes + out->arena_bytes + out->step_block_bytes +
                        out->staging_bytes;
    return barriers_count(g, &out->barriers);
}

// Binary units, as operating systems show memory.
static void size_text(uint64_t bytes, char *text, size_t size)
{
    double mib = (double)bytes / (1 << 20);
    if (mib >= 1024)
        snprintf(text, size, "%.2f GiB", mib / 1024);
    else
        snprintf(text, size, "%.1f MiB", mib);
}

bool footprint_fits(struct gpu_device *device, const struct pix_plan *plan,
                    const char *what, const char *hint)
{
    char needs[32], has[32];
    uint64_t memory = gpu_device_limits(device)->memory;
    if (plan->device_bytes <= memory)
        return true;
    size_text(plan->device_bytes, needs, sizeof(needs));
    size_text(memory, has, sizeof(has));
    log_error("memory: %s needs %s of device memory, %s has %s: %s", what, needs,
              gpu_device_info(device)->name, has, hint);
    return false;
}
