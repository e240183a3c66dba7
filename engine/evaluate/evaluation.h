// SPDX-License-Identifier: MIT
//
// The result of an evaluation: the scores of each image, and of all together.

#ifndef EVALUATE_EVALUATION_H
#define EVALUATE_EVALUATION_H

#include "evaluate/labels.h"
#include "evaluate/metrics.h"
#include "pix2pix.h"

#include <stddef.h>

// Makes room for the scores of `most` images. False after a message.
bool evaluation_create(struct pix_evaluation *e, size_t most);
void evaluation_free(struct pix_evaluation *e);    // a zeroed one is fine

// Appends an image, for which there is room. False after a message.
bool evaluation_add(struct pix_evaluation *e, const char *name,
                    const struct scores scores[PIX_SUBJECT_COUNT]);

// Takes the scores of all images together. False after a message that begins with
// `command`.
bool evaluation_finish(struct pix_evaluation *e, const char *command);

// Adds what label maps have: the colours, the confusion matrix of the output, which is
// taken over, and its scores. False after a message.
bool evaluation_take_labels(struct pix_evaluation *e, const struct palette *palette,
                            struct confusion *output);

#endif
