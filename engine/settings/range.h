// SPDX-License-Identifier: MIT
//
// Ranges of samples as texts: "LO:HI", "-1000:3000".

#ifndef SETTINGS_RANGE_H
#define SETTINGS_RANGE_H

#include "base/pixel.h"

#define RANGE_TEXT_SIZE 40

// Two numbers, the first below the second as floats. False for other texts.
bool range_parse(const char *text, struct pixel_range *range);

// The opposite, from which range_parse makes the same floats. Returns text.
const char *range_text(struct pixel_range range, char text[RANGE_TEXT_SIZE]);

// Whether samples of the kind can lie in all of it: those of u16 are 0 to 65535. False
// after a message about --`option`, which begins with `command`.
bool range_check(enum pixel_kind kind, struct pixel_range range, const char *command,
                 const char *option);

#endif
