// SPDX-License-Identifier: MIT
//
// Whole runs of networks of a few thousand weights, whose options are given as words
// "name=value name=value". What they log and keep is compared.
//
// A test file defines SCRATCH, its folder, before it uses the names of the data.

#ifndef SUPPORT_WORDS_H
#define SUPPORT_WORDS_H

#include "formats/safetensors.h"
#include "support/public.h"

#define DATA SCRATCH "/data"      // pairs of SIDE pixels, and two in val/
#define OTHER SCRATCH "/other"    // other pairs
#define EXACT SCRATCH "/exact"    // pairs of CROP pixels, no val/
#define MIXED SCRATCH "/mixed"    // pairs of several kinds of samples

#define SIDE 40
#define CROP 32
#define PAIRS 5
#define STEPS 3
#define STEPS_MAX 24

// Part of a group's setup: the folder with its data, and a device. public_close closes
// it.
void words_open(const char *folder);

// Options, and the words that they point into.
struct words_setup {
    struct pix_train_options o;
    char out[64], words[1024];
};

// Every run trains on DATA for STEPS steps unless the words say otherwise.
void words_set(struct words_setup *s, const char *out, const char *words);

struct words_result {
    uint64_t steps;
    struct pix_step_metrics m[STEPS_MAX];
};

// Trains until `stop` or the end.
void words_train_until(const struct pix_train_options *o, uint64_t stop,
                       struct words_result *r);
struct words_result words_train(const char *out, const char *words);
struct words_result words_continue(const char *out, const char *words);

// A run that cannot begin: the message, and that nothing is left of it.
void words_check_refused(const char *words, const char *message);

// Translates some of the pixels of an image of EXACT, of CROP by CROP. Caller frees.
// The precision may be NULL.
struct pix_image words_translate(const char *model, const char *precision, bool no_ema);

bool words_same_losses(const struct pix_step_metrics *a,
                       const struct pix_step_metrics *b);
void words_check_near(double a, double b, double tolerance);

// The checkpoint of a step; caller closes it. The bytes of an entry, which the caller
// frees with mem_free.
struct safetensors *words_open_tensors(const char *run, uint64_t step);
size_t words_entry_bytes(const struct safetensors_entry *e);
void *words_read_entry(struct safetensors *s, const struct safetensors_entry *e);

// Whether two checkpoints have the same tensors, bit by bit; their headers name the
// folder.
bool words_same_tensors(const char *run_a, const char *run_b, uint64_t step);
void words_check_same_run(const char *a, const char *b, uint64_t step);

// The numbers of a member in metrics.jsonl; null is NaN. Returns the lines.
uint64_t words_read_metrics(const char *run, const char *member,
                            double numbers[STEPS_MAX]);

#endif
