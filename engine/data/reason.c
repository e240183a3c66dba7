// SPDX-License-Identifier: MIT
//
// See reason.h.

#include "data/reason.h"

#include <stdarg.h>
#include <stdio.h>

bool reason_refuse(struct reason *reason, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(reason->text, sizeof(reason->text), format, args);
    va_end(args);
    return false;
}
