// SPDX-License-Identifier: MIT
//
// The report of a run as one page: an HTML file that opens from disk and loads nothing.

#ifndef TOOLS_REPORT_PAGE_H
#define TOOLS_REPORT_PAGE_H

#include "pix2pix.h"

#include <stdbool.h>

enum { REPORT_REASON_SIZE = 2048 };

// Writes the page of a run to `path`, or without one (NULL) to RUN/report.html. The
// file appears whole or not at all. False with the reason; nothing is printed.
bool report_write_run(const char *run, const char *path,
                      char reason[REPORT_REASON_SIZE]);

// "RUN/report.html"; caller frees. NULL if out of memory.
char *report_get_path(const char *run);

// What an evaluation was of, for its page.
struct report_evaluation {
    const char *model, *data, *split;
    const char *checkpoint;    // by which that of a run was chosen; NULL: the newest
    const struct pix_translator_info *translator;
    const struct pix_device_info *device;
    const struct pix_train_options *options;    // of the model
    const struct pix_evaluation *result;        // with a gallery
};

// The same for an evaluation.
bool report_write_evaluation(const struct report_evaluation *e, const char *path,
                             char reason[REPORT_REASON_SIZE]);

#endif
