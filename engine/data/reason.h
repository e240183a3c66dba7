// SPDX-License-Identifier: MIT
//
// Why a file cannot be used, as a text for the caller, who reports it or tries another.

#ifndef DATA_REASON_H
#define DATA_REASON_H

#include "base/base.h"

#define REASON_TEXT_SIZE 200    // longer texts are cut

struct reason {
    char text[REASON_TEXT_SIZE];
};

// Sets the text. Always false, so that a function can return it.
bool reason_refuse(struct reason *reason, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
