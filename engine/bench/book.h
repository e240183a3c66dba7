// SPDX-License-Identifier: MIT
//
// The rows of a benchmark on their way to the caller. Timed ones wait in a group until
// the ceilings have been taken again: each is compared with the faster of those before
// and after it.

#ifndef BENCH_BOOK_H
#define BENCH_BOOK_H

#include "bench/ceiling.h"
#include "bench/kinds.h"
#include "bench/measure.h"

#define BOOK_MOST 24    // rows of a group

struct book {
    struct gpu_device *device;
    const struct pix_bench_options *options;
    struct ceilings *ceilings;    // NULL: nothing is timed
    bool is_fresh;                // `before` was taken a moment ago
    struct rates before;
    double begun;    // when the group began
    struct book_entry {
        struct pix_bench_row row;
        struct bench_work work;
        char name[CALL_NAME_SIZE], kernel[CALL_NAME_SIZE];
        double times[MEASURE_MOST];
    } entries[BOOK_MOST];
    size_t count;
    uint32_t doubtful, timed;    // rows so far
};

// Tells the caller what is being measured.
void book_say(const struct book *b, const char *text);

// Whether the caller wants no more runs.
bool book_is_stopped(const struct book *b);

// Takes the ceilings, unless that was just done. To be called before what is timed. It
// ends the group before it where that was long or has no room for `more` rows. False
// after a message, or if the caller wants to stop.
bool book_begin(struct book *b, size_t more);

// Adds a row, whose texts are copied; `turn` is its measurement, or NULL: it was only
// counted and goes to the caller at once. False if the caller wants to stop.
bool book_add(struct book *b, const struct pix_bench_row *row,
              const struct bench_work *work, const struct measure_turn *turn);

// Ends the group. False as above.
bool book_end(struct book *b);

// Rows of the ceilings themselves.
bool book_add_ceilings(struct book *b);

#endif
