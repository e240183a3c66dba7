// SPDX-License-Identifier: MIT
//
// What `pix2pix train` prints: the configuration, a line that is rewritten on a
// terminal or lines for a file, validations, and how it ended.

#ifndef TOOLS_TRAINING_LOG_H
#define TOOLS_TRAINING_LOG_H

#include "output.h"
#include "pix2pix.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

// Two averages of a loss, over a short time and a long one.
struct trend {
    uint64_t count;
    double brief, lasting;
};

enum { TREND_D_REAL, TREND_D_FAKE, TREND_G_GAN, TREND_G_L1, TRENDS };

struct training_log {
    FILE *stream;
    bool live;
    uint64_t log_freq;
    enum pix_metric judge;        // of validations
    double start, last, shown;    // seconds
    double step_seconds;          // smoothed
    uint64_t trained;             // steps since the start of this process
    struct pix_step_metrics metrics;
    struct trend trends[TRENDS];
};

// The device, its driver and all options as they are resolved.
void training_log_print_head(FILE *stream, const struct pix_device_info *device,
                             const struct pix_train_options *o);

void training_log_begin(struct training_log *p, FILE *stream,
                        const struct pix_train_options *o);
void training_log_step(struct training_log *p, const struct pix_step_metrics *m);

// How the run ended, and its best validation, if there is one (else NULL): lines, or
// one JSON document. False after a message.
bool training_log_print_summary(const struct training_log *p,
                                const struct pix_train_options *o,
                                const struct pix_best_validation *best,
                                bool interrupted, bool json);

#endif
