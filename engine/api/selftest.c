// SPDX-License-Identifier: MIT
//
// The self-test in the public API. See relay.h.

#include "api/relay.h"

#include "base/os.h"
#include "selftest/selftest.h"

bool pix_selftest(pix_device *device, const struct pix_selftest_options *options,
                  struct pix_selftest_result *result)
{
    const struct pix_selftest_options defaults = { 0 };
    struct pix_selftest_result ignored;
    if (!api_check_given(device, "pix_selftest", "device"))
        return false;
    const struct log_sink *before = log_use(&device->relay.sink);
    // Its callbacks have public types and are called as they are.
    const bool ok =
        selftest_run(device->gpu, device->submission_seconds,
                     options ? options : &defaults, result ? result : &ignored);
    log_use(before);
    return ok;
}

const char *pix_selftest_part_name(enum pix_selftest_part part)
{
    return selftest_part_name(part);
}

const char *pix_system(void)
{
    return os_system_name();
}
