// SPDX-License-Identifier: MIT
//
// Why a file can not be used, as a text for whoever tells of it.

#ifndef DATA_REASON_H
#define DATA_REASON_H

#include "base/base.h"

#define REASON_TEXT_SIZE 200    // enough for all of them

struct reason {
    char text[REASON_TEXT_SIZE];
};

// Always false.
bool reason_refuse(struct reason *reason, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
