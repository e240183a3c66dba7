// SPDX-License-Identifier: MIT
//
// A run that was never trained, for reports: its metrics, sample grids, and the outputs
// of a validation, with names that would do harm as markup or as scripts.

#ifndef SUPPORT_REPORT_RUN_H
#define SUPPORT_REPORT_RUN_H

#include <stdint.h>

#define REPORT_RUN_STEPS 3000u
#define REPORT_RUN_PAIRS 120u
#define REPORT_RUN_NAME "</script><script>window.hacked=1</script><b class=hacked>.png"

// Writes it to a new folder. A spike of 99.5 in one loss is at step 1234; a sample grid
// is of every 600th step.
void report_run_write(const char *folder);

// A gallery as a validation writes it; `side` pixels, noise if `is_noise`, which no
// encoder makes smaller. mem_free.
char *report_run_gallery(uint32_t pairs, uint32_t side, int is_noise);

#endif
