// SPDX-License-Identifier: MIT
//
// See range.h.

#include "settings/range.h"

#include "base/log.h"
#include "base/number.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

bool range_parse(const char *text, struct pixel_range *range)
{
    char low_text[RANGE_TEXT_SIZE];
    const size_t length = strcspn(text, ":");
    double low, high;
    if (text[length] != ':' || length >= sizeof(low_text))
        return false;
    memcpy(low_text, text, length);
    low_text[length] = '\0';
    if (!number_parse_real(low_text, &low) ||
        !number_parse_real(text + length + 1, &high) || fabs(low) > (double)FLT_MAX ||
        fabs(high) > (double)FLT_MAX)
        return false;
    *range = (struct pixel_range){ (float)low, (float)high };
    return pixel_range_is_set(*range) && isfinite(range->high - range->low);
}

const char *range_text(struct pixel_range range, char text[RANGE_TEXT_SIZE])
{
    // Nine digits are enough for every float.
    snprintf(text, RANGE_TEXT_SIZE, "%.9g:%.9g", (double)range.low, (double)range.high);
    return text;
}

bool range_check(enum pixel_kind kind, struct pixel_range range, const char *command,
                 const char *option)
{
    char text[RANGE_TEXT_SIZE];
    if (kind != PIXEL_U16 || (range.low >= 0 && range.high <= UINT16_MAX))
        return true;
    log_error(
        "%s: --%s %s does not fit u16 samples, which are 0 to %d: name numbers of "
        "these",
        command, option, range_text(range, text), UINT16_MAX);
    return false;
}
