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

void conversion_leave_out(struct conversions *c, const struct conversions *told)
{
    for (int kind = 0; kind < PIXEL_KINDS; kind++)
        if (told->from[kind])
            c->from[kind] = 0;
    if (told->clipped)
        c->clipped = 0;
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

// Of the images that have something, if there are any.
static void warn(const struct conversions *c, uint32_t count, const char *command,
                 const char *what, const char *has)
{
    char subject[80];
    if (count)
        log_warn("%s: %s %s", command, subject_of(c, count, what, true, subject), has);
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
    warn(
        c, c->clipped, command, what,
        "values outside [-1, 1], which were clipped: rescale them, or name the range of "
        "inputs with --input-range");
}

void conversion_report_narrow(const struct conversions *c, const char *command,
                              const char *what)
{
    warn(c, c->narrow, command, what,
         "integers that are not u1, though none is above 255. They are read as 0 to "
         "65535, where 255 is nearly black: save arrays of 0 to 255 as u1");
}

void conversion_report_outside(const struct conversions *c, const char *command,
                               const char *what, struct pixel_range range,
                               const char *effect)
{
    const double many = 0.01;
    const double share = c->samples > 0 ? (double)c->outside / (double)c->samples : 0;
    if (share > 0)
        log_message(share > many ? LOG_WARN : LOG_INFO,
                    "%s: %.2g %% of the samples of %" PRIu32
                    " %s%s are outside %.9g:%.9g and %s",
                    command, 100 * share, c->images, what, PLURAL(c->images),
                    (double)range.low, (double)range.high, effect);
}

void conversion_report_range(const struct conversions *c, const char *command,
                             const char *what)
{
    warn(
        c, c->beyond, command, what,
        "values outside [-1, 1], which reach the network unchanged: if it was trained on "
        "images, where -1 is black and 1 white, name the range that they have with "
        "--input-range LO:HI");
}

void conversion_report_reach(const struct conversions *c, const char *command,
                             const char *what)
{
    warn(c, c->beyond, command, what,
         "values outside [-1, 1], which are compared unchanged, and which no output of "
         "the network can reach: rescale them, or train with --output-range");
}
