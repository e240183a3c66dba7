// SPDX-License-Identifier: MIT
//
// See reason.h.

#include "base/reason.h"

#include "base/os.h"

#include <stdarg.h>
#include <stdio.h>

bool reason_refuse(struct reason *reason, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(reason->text, sizeof(reason->text), format, args);
    va_end(args);
    reason->kind = REASON_CONTENT;
    return false;
}

bool reason_refuse_memory(struct reason *reason)
{
    reason_refuse(reason, "out of memory");
    reason->kind = REASON_PASSING;
    return false;
}

bool reason_refuse_system(struct reason *reason)
{
    static const enum reason_kind kinds[] = {
        [OS_ERROR_ABSENT] = REASON_ABSENT,
        [OS_ERROR_PATH] = REASON_CONTENT,
        [OS_ERROR_PASSING] = REASON_PASSING,
    };
    // Before the text, which may set the error again.
    const enum os_error error = os_error_kind();
    reason_refuse(reason, "%s", os_error_text());
    reason->kind = kinds[error];
    return false;
}
