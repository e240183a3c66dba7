// SPDX-License-Identifier: MIT
//
// The inside of a self-test: what its parts share. A part reports a row for each thing
// that it tests; it returns false only where nothing more can be tested: after a
// message, or because the caller ended it.

#ifndef SELFTEST_INSIDE_H
#define SELFTEST_INSIDE_H

#include "base/log.h"
#include "ops/conv_shape.h"
#include "pix2pix.h"

struct gpu_device;

struct selftest {
    struct gpu_device *device;
    double submission_seconds;
    const struct pix_selftest_options *options;
    struct pix_selftest_result *result;
    bool has_corrupted;    // what options->corrupt names: it was run, and changed
};

// Names of precisions, "f16", and whether the device stores such numbers.
#define SELFTEST_FORMATS 3
extern const enum tensor_format selftest_formats[SELFTEST_FORMATS];
const char *selftest_format_name(enum tensor_format format);
bool selftest_has_format(const struct selftest *t, enum tensor_format format);

// "forward", "input gradient" or "weight gradient".
#define SELFTEST_DIRECTIONS 3
const char *selftest_direction_name(enum conv_direction direction);

// Whether the caller asks for any of a part; for a kernel of convolutions or an
// operation of it, by its name.
bool selftest_wants(const struct selftest *t, enum pix_selftest_part part,
                    const char *name);

// Counts a row and gives it to the caller. False: the test ends.
bool selftest_report(struct selftest *t, const struct pix_selftest_row *row);

// Says what is tested now. False: the test ends.
bool selftest_begin(struct selftest *t, const char *what);

// Around something that the device may refuse: its errors are kept in `capture`. Where
// it was not `ok` selftest_catch writes them to `text`, as what is wrong with it. It is
// false, after a message that names `what`, where that is no answer: the device is
// lost, or memory was missing.
struct selftest_attempt {
    struct log_capture capture;
    uint64_t failures;
};
void selftest_try(struct selftest_attempt *a);
bool selftest_catch(const struct selftest *t, struct selftest_attempt *a, bool ok,
                    const char *what, char *text, size_t size);

// Creates the kernels of planned programs by several threads at once. What the driver
// refuses is no error yet: the test that needs it says so. False as selftest_begin and
// selftest_catch.
struct program;
bool selftest_compile(struct selftest *t, struct program *const *programs,
                      size_t count);

// ---------------------------------------------------------------------------
// The parts

bool products_test(struct selftest *t);      // convolutions
bool rounding_test(struct selftest *t);      // numbers of 16 bits
bool operations_test(struct selftest *t);    // what steps do not have
bool splitting_test(struct selftest *t);     // calls in pieces
bool steps_test(struct selftest *t);         // training steps
bool speed_test(struct selftest *t);         // what the device can do; no test

// The name of an operation; NULL after the last one.
const char *operations_name(size_t i);

// The length of submissions for which a graph is cut into at least 16 pieces, by what
// is estimated.
struct graph;
double splitting_seconds(const struct selftest *t, const struct graph *g);

#endif
