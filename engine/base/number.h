// SPDX-License-Identifier: MIT
//
// Numbers in texts, the same in every locale and on every system.

#ifndef BASE_NUMBER_H
#define BASE_NUMBER_H

#include "base/base.h"

// A decimal number with '.', "-1.5e3": nothing else, no space, no hexadecimal digits,
// no "inf" or "nan". False, with *out as it was, for other texts and what no double
// holds.
bool number_parse_real(const char *text, double *out);

#endif
