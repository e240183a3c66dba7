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

bool precision_resolve(struct gpu_device *device, const char *subject,
                       enum precision *p)
{
    const char *name = gpu_device_info(device)->name;
    if (*p == PRECISION_AUTO) {
        // Products of 16 bits are no faster than others without units for them.
        log_info("%s: --precision auto is f32: %s has no matrix units for f16", subject,
                 name);
        *p = PRECISION_F32;
    }
    if (*p == PRECISION_F32 || gpu_device_limits(device)->storage16)
        return true;
    log_error("%s: --precision %s needs buffers of 16-bit numbers (storageBuffer16Bit"
              "Access), which %s does not offer: use f32",
              subject, *p == PRECISION_F16 ? "f16" : "bf16", name);
    return false;
}
