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
    const struct gpu_limits *limits = gpu_device_limits(device);
    const struct gpu_matrix_product *product =
        *p == PRECISION_BF16 ? &limits->matrix.bf16 : &limits->matrix.f16;
    const char *why_not = product->m ? "it is a software driver" : product->why_not;
    // A software driver multiplies in 16 bits more slowly than in f32.
    const bool is_fast = product->m && !limits->is_cpu;
    const char *text = *p == PRECISION_BF16 ? "bf16" : "f16";
    if (*p == PRECISION_AUTO) {
        if (is_fast)
            log_info("%s: --precision auto is f16: %s has matrix units for it", subject,
                     name);
        else
            log_info("%s: --precision auto is f32: %s is used without matrix units: %s",
                     subject, name, why_not);
        *p = is_fast ? PRECISION_F16 : PRECISION_F32;
    }
    if (*p == PRECISION_F32)
        return true;
    if (!limits->storage16) {
        log_error(
            "%s: --precision %s needs buffers of 16-bit numbers (storageBuffer16Bit"
            "Access), five of them in a kernel, which %s does not offer: use f32",
            subject, text, name);
        return false;
    }
    // Products of 16 bits are no faster than others without units for them.
    if (!is_fast)
        log_info("%s: --precision %s is not faster than f32 here: %s is used without "
                 "matrix units: %s",
                 subject, text, name, why_not);
    return true;
}
