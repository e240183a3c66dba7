// SPDX-License-Identifier: MIT
//
// See conversion.h.

#include "translate/conversion.h"

#include "base/log.h"

#include <inttypes.h>
#include <stdio.h>

void conversion_count(struct conversions *c, enum pixel_kind from, enum pixel_kind to,
                      bool exceeds)
{
    c->images++;
    if (from != to) {
        c->from[from]++;
        c->clipped += exceeds;
    } else {
        c->beyond += exceeds;
    }
}

// "the input is", "3 of 10 inputs are".
static const char *subject_of(const struct conversions *c, uint32_t count,
                              const char *what, bool has, char text[80])
{
    if (c->images == 1)
        snprintf(text, 80, "the %s %s", what, has ? "has" : "is");
    else
        snprintf(text, 80, "%" PRIu32 " of %" PRIu32 " %ss %s", count, c->images, what,
                 has ? "have" : "are");
    return text;
}

void conversion_report(const struct conversions *c, const char *command,
                       const char *what, enum pixel_kind to, const char *why)
{
    char subject[80];
    for (int kind = 0; kind < PIXEL_KINDS; kind++) {
        // Every number of a kind is one of the kinds above it.
        const enum log_level level = kind > (int)to ? LOG_WARN : LOG_INFO;
        if (c->from[kind] == 0)
            continue;
        log_message(level, "%s: %s %s, converted to %s, %s", command,
                    subject_of(c, c->from[kind], what, false, subject),
                    pixel_kind_name((enum pixel_kind)kind), pixel_kind_name(to), why);
    }
    if (c->clipped)
        log_warn("%s: %s values outside [-1, 1], which were clipped: rescale them",
                 command, subject_of(c, c->clipped, what, true, subject));
}

void conversion_report_narrow(const struct conversions *c, const char *command,
                              const char *what)
{
    char subject[80];
    if (c->narrow)
        log_warn("%s: %s integers that are not u1, though none is above 255. "
                 "They are read as 0 to 65535, where 255 is nearly black: save arrays "
                 "of 0 to 255 as u1",
                 command, subject_of(c, c->narrow, what, true, subject));
}

void conversion_report_range(const struct conversions *c, const char *command,
                             const char *what)
{
    char subject[80];
    if (c->beyond)
        log_warn("%s: %s values outside [-1, 1], which reach the network unchanged: "
                 "rescale them if it was trained on images, where -1 is black and 1 "
                 "white",
                 command, subject_of(c, c->beyond, what, true, subject));
}

void conversion_report_reach(const struct conversions *c, const char *command,
                             const char *what)
{
    char subject[80];
    if (c->beyond)
        log_warn("%s: %s values outside [-1, 1], which are compared unchanged, and "
                 "which no output of the network can reach: rescale them",
                 command, subject_of(c, c->beyond, what, true, subject));
}
