// SPDX-License-Identifier: MIT
//
// See number.h.

#include "base/number.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

// strtod alone would take more, and the point of the locale.
bool number_parse_real(const char *text, double *out)
{
    // No double needs more than 17 digits, a point, an exponent and two signs.
    char copy[64];
    if (!*text || strlen(text) >= sizeof(copy) ||
        text[strspn(text, "0123456789.eE+-")] != 0)
        return false;
    strcpy(copy, text);
    char *point = strchr(copy, '.');
    if (point)
        *point = *localeconv()->decimal_point;
    char *end;
    const double value = strtod(copy, &end);
    if (*end || end == copy || !(fabs(value) <= DBL_MAX))    // 1e999 is inf
        return false;
    *out = value;
    return true;
}
