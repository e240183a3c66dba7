// SPDX-License-Identifier: MIT
//
// See log.h.

#include "support/log.h"

#include "base/log.h"

void test_forget_error(void)
{
    const struct log_sink *before = log_use(NULL);
    log_error("%s", "");
    log_use(before);
}
