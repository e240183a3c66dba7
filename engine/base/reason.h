// SPDX-License-Identifier: MIT
//
// Why a file cannot be used, for the caller, who reports it or tries another: a text,
// and whether it is the file's fault. What passes must not be taken for damage: a data
// set without the images that were unreadable for a moment is another one.

#ifndef BASE_REASON_H
#define BASE_REASON_H

#include "base/base.h"

#define REASON_TEXT_SIZE 200    // longer texts are cut

enum reason_kind {
    REASON_CONTENT,    // what the path leads to, or what is in it
    REASON_ABSENT,     // the path leads to nothing
    // The system's: no memory, too many open files, a device or server that fails, an
    // access that is denied. The same file may be read later.
    REASON_PASSING,
};

struct reason {
    char text[REASON_TEXT_SIZE];
    enum reason_kind kind;
};

// Set the reason. Always false, so that a function can return it: the content's; no
// memory; the last error of the system (base/os.h).
bool reason_refuse(struct reason *reason, const char *format, ...) PRINTF_LIKE(2, 3);
bool reason_refuse_memory(struct reason *reason);
bool reason_refuse_system(struct reason *reason);

#endif
