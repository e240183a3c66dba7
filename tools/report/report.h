// SPDX-License-Identifier: MIT
//
// The report of a run while it is trained.

#ifndef TOOLS_REPORT_REPORT_H
#define TOOLS_REPORT_REPORT_H

#include <stdbool.h>

// Writes RUN/report.html again. What fails is a warning, and false: a run goes on
// without.
bool report_refresh(const char *run);

#endif
