// SPDX-License-Identifier: MIT
//
// The result of a benchmark: one or more devices with their rows, and what is worked
// out from the rows for the table, the comparison and the page.

#ifndef TOOLS_BENCH_RESULT_H
#define TOOLS_BENCH_RESULT_H

#include "pix2pix.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// A row that owns its texts: those of `row` point to them.
struct bench_row {
    struct pix_bench_row row;
    char *group, *name, *kernel, *precision;
    double *times;    // NULL: not kept
    size_t order;     // in which it was added
};

struct bench_device {
    char *name, *type, *driver, *driver_version, *api_version;
    uint64_t memory_bytes;
    struct bench_row *rows;
    size_t count, capacity;
    bool complete;    // nothing failed and nobody interrupted it
};

struct bench_result {
    char *version;    // of the library
    char *when;       // "2024-05-31 17:20 UTC"
    uint32_t ngf, ndf;
    struct bench_device *devices;
    size_t count;
};

// Sentences that say how everything was measured; NULL ends the list.
extern const char *const bench_method[];

// The groups of calls, in the order of tables; NULL ends the list.
extern const char *const bench_groups[];

// What calls can be summed by instead: ops, whatever the direction.
extern const char *const bench_ops[];

// Precisions in the order of tables; NULL ends the list.
extern const char *const bench_precisions[];

// With the library's version and the present time, NULL where there was no memory.
void bench_result_init(struct bench_result *r);
void bench_result_finish(struct bench_result *r);    // accepts a zeroed one

// A zeroed device at the end; NULL after a message. Valid until the next one is added.
struct bench_device *bench_append_device(struct bench_result *r);

// The same, described by `info`.
struct bench_device *bench_add_device(struct bench_result *r,
                                      const struct pix_device_info *info);

// Copies the row and its texts. False after a message.
bool bench_add_row(struct bench_device *d, const struct pix_bench_row *row);

// Ceilings and calls as they were added, then training, then translation, by size,
// batch and precision.
void bench_sort_rows(struct bench_device *d);

// Caller frees; NULL after a message.
char *bench_copy_text(const char *text);

// ---------------------------------------------------------------------------
// What follows from rows

// A whole training step or translation.
bool bench_is_whole(const struct pix_bench_row *row);

// 1e9 operations or bytes a second; 0: not timed.
double bench_get_gflops(const struct pix_bench_row *row);
double bench_get_gbytes(const struct pix_bench_row *row);

// Half the distance of the quartiles, as a share of the median; 0: not timed.
double bench_get_spread(const struct pix_bench_row *row);

// The longest of the row's floors, seconds; 0: not timed.
double bench_get_floor(const struct pix_bench_row *row);

// "flops", "bytes" or "launches".
const char *bench_bound_name(enum pix_bench_bound bound);

// What is written behind the name of a row to tell it from others of that name:
// ", f16"; "" in f32.
const char *bench_precision_suffix(const char *precision);

// The precisions of the rows, of which there are at most so many; returns how many.
#define BENCH_MOST_PRECISIONS 3
size_t bench_list_precisions(const struct bench_device *d,
                             const char *list[BENCH_MOST_PRECISIONS]);

// The name of a row with that; returns `text`.
#define BENCH_TITLE_SIZE 128
const char *bench_format_title(const struct pix_bench_row *row,
                               char text[BENCH_TITLE_SIZE]);

// Its place in bench_precisions; behind all others if it is none of them.
size_t bench_precision_index(const char *precision);

// Whether there are rows of that precision other than ceilings.
bool bench_has_precision(const struct bench_device *d, const char *precision);

// Many calls of a training step.
struct bench_share {
    uint32_t kinds, calls;    // distinct calls, and all of them
    double seconds;           // all of them, one by one
    uint64_t flops, bytes;
    double floor;         // the sum of their floors, seconds
    double by[3];         // of it, by enum pix_bench_bound
    uint32_t doubtful;    // distinct calls that are not to be relied upon
};

// All calls of a group and an op, each NULL: of any.
struct bench_share bench_sum_calls(const struct bench_device *d, const char *group,
                                   const char *op, const char *precision,
                                   bool is_simple);

// Seconds of all calls of a group in each precision of a list. False: all are 0.
bool bench_time_group(const struct bench_device *d, const char *group,
                      const char *const *list, size_t count, double *seconds);

// What bounds most of the sum of floors.
enum pix_bench_bound bench_get_share_bound(const struct bench_share *share);

// The first row of that kind and name, or NULL.
const struct pix_bench_row *bench_find_row(const struct bench_device *d,
                                           enum pix_bench_kind kind, const char *name);

// The row of the same work in a precision, in any if that is NULL; or NULL.
const struct pix_bench_row *bench_find_in(const struct bench_device *d,
                                          const struct pix_bench_row *row,
                                          const char *precision);

// How the cost of a whole row grows: by size, its time for each pixel over that of the
// smallest size with the same batch; by batch, its time for each image over that of the
// smallest batch of the same size, in the same precision. 1 is linear growth, less is
// better. False where there is no other row to compare with.
bool bench_find_growth(const struct bench_device *d, const struct pix_bench_row *row,
                       bool by_size, double *ratio);

#endif
