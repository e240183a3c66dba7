// SPDX-License-Identifier: MIT
//
// Which numbers a network computes with. See precision.h.

#include "settings/precision.h"

#include "base/log.h"
#include "gpu/device.h"

#include <assert.h>

enum tensor_format precision_format(enum precision p)
{
    assert(p != PRECISION_AUTO);
    return p == PRECISION_F16    ? TENSOR_F16
           : p == PRECISION_BF16 ? TENSOR_BF16
                                 : TENSOR_F32;
}

bool precision_wants_matrix(enum precision p)
{
    return p == PRECISION_AUTO || p == PRECISION_F16;
}

static const char *why_not(const struct gpu_limits *limits)
{
    return limits->no_matrix ? limits->no_matrix : "it is a software driver";
}

bool precision_resolve(struct gpu_device *device, const char *subject,
                       enum precision *p)
{
    const char *name = gpu_device_info(device)->name;
    const struct gpu_limits *limits = gpu_device_limits(device);
    // A software driver multiplies in f16 more slowly than in f32.
    const bool is_fast = limits->matrix.subgroup && !limits->is_cpu;
    const bool is_f16 = *p == PRECISION_F16;
    if (*p == PRECISION_AUTO) {
        if (is_fast)
            log_info("%s: --precision auto is f16: %s has matrix units for it", subject,
                     name);
        else
            log_info("%s: --precision auto is f32: %s is used without matrix units: %s",
                     subject, name, why_not(limits));
        *p = is_fast ? PRECISION_F16 : PRECISION_F32;
    }
    if (*p != PRECISION_F32 && !limits->storage16) {
        log_error(
            "%s: --precision %s needs buffers of 16-bit numbers (storageBuffer16Bit"
            "Access), five of them in a kernel, which %s does not offer: use f32",
            subject, is_f16 ? "f16" : "bf16", name);
        return false;
    }
    // Products of 16 bits are no faster than others without units for them.
    if (is_f16 && !is_fast)
        log_info(
            "%s: --precision f16 saves memory, not time: %s is used without matrix "
            "units: %s",
            subject, name, why_not(limits));
    return true;
}
