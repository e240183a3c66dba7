// SPDX-License-Identifier: MIT
//
// Whole runs of a tiny model, whose options are set by the test; what they log and keep
// is compared with one run that goes straight through.
//
// A test file defines SCRATCH, its folder, before it uses the names of the data.

#ifndef SUPPORT_TINY_H
#define SUPPORT_TINY_H

#include "data/picture.h"
#include "support/public.h"

#define DATA SCRATCH "/data"        // five pairs
#define ONE SCRATCH "/one"          // one pair, also as test/
#define BROKEN SCRATCH "/broken"    // two pairs and two files that are none
// Besides, bad/ has only a file that is no image, and empty/ an empty train/.

#define CROP 32    // the smallest the networks take
#define PAIRS 5
#define STEPS 20    // of the runs that are compared

// Part of a group's setup: the folder with its data, and a device. public_close closes
// it.
void tiny_open(const char *folder);

void tiny_write_pair(const char *folder, uint32_t number);
void tiny_write_text(const char *path, const char *text);
// Writes a picture, which is freed, to a folder, which is made if it is absent; the
// second one is read from a file. Caller frees.
void tiny_write_picture(const char *folder, const char *name, struct picture p);
struct picture tiny_read_picture(const char *path);

// A run or a file of weights, without measured kernels. Caller destroys.
pix_translator *tiny_open_model(const char *model);
// What a translator, which is destroyed, makes of a file; NULL fails the test with the
// last error. Caller frees.
struct picture tiny_translate(pix_translator *t, const char *input, const char *output);

struct pix_train_options tiny_options(const char *data, const char *out);

// Steps until `stop` or the end; the losses of the last step.
struct pix_step_metrics tiny_train(pix_device *on, const struct pix_train_options *o,
                                   uint64_t stop);
// The run that all others of STEPS steps are compared with; made by the first call.
const char *tiny_straight(void);

void tiny_check_refused(const struct pix_train_options *o, const char *message);

bool tiny_has_checkpoint(const char *run, uint64_t step);
// All numbers of a checkpoint: what follows the header. Caller frees with mem_free.
void *tiny_read_tensors(const char *run, uint64_t step, size_t *size);
void tiny_check_same_checkpoint(const char *a, const char *b, uint64_t step);
// That metrics.jsonl has the lines first, first + 1, ... last.
void tiny_check_metrics(const char *run, uint64_t first, uint64_t last);

#endif
