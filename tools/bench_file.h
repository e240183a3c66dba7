// SPDX-License-Identifier: MIT
//
// The result of a benchmark: one or more devices with their rows, its JSON file, and
// what is worked out from the rows for the table and the page.

#ifndef TOOLS_BENCH_FILE_H
#define TOOLS_BENCH_FILE_H

#include "pix2pix.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// A row whose texts are its own.
struct bench_row {
    struct pix_bench_row row;
    char *group, *name, *kernel;
    size_t order;    // in which it came
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

// Lines that say how everything was measured; NULL ends the list.
extern const char *const bench_method[];

void bench_result_init(struct bench_result *r);
void bench_result_finish(struct bench_result *r);    // zeroed ones are fine

// False after a message if there is no memory. The device is valid until the next one
// is added.
struct bench_device *bench_add_device(struct bench_result *r,
                                      const struct pix_device_info *info);
bool bench_add_row(struct bench_device *d, const struct pix_bench_row *row);

// Ceilings and calls as they came, then training, then translation, by size and batch.
void bench_sort(struct bench_device *d);

// Whether a result or page can be written there; false after a message. Nothing that is
// there changes.
bool bench_can_write(const char *path);

// A file that is there is replaced when all is written. False after a message.
bool bench_write(const struct bench_result *r, const char *path);
// Refuses what bench_write has not written.
bool bench_read(const char *path, struct bench_result *r);

// Writes a whole text; false after a message.
bool bench_write_page(const struct bench_result *r, const char *path);

// ---------------------------------------------------------------------------
// What follows from rows

const char *bench_device_type(enum pix_device_type type);

// 1e9 of them a second; 0: not timed.
double bench_gflops(const struct pix_bench_row *row);
double bench_gbytes(const struct pix_bench_row *row);
// Quartiles as a share of the median: half their distance.
double bench_spread(const struct pix_bench_row *row);

// The groups of calls, in the order of a table; NULL ends the list.
extern const char *const bench_groups[];

struct bench_share {
    uint32_t kinds, calls;    // distinct ones, all of them
    double seconds;           // of all of them in one step
    uint64_t flops, bytes;
};
struct bench_share bench_sum_group(const struct bench_device *d, const char *group,
                                   bool is_simple);

// The row of a kind, or NULL.
const struct pix_bench_row *bench_find(const struct bench_device *d,
                                       enum pix_bench_kind kind, const char *name);

// A whole row beside the one it is compared with: what it costs an image and a pixel,
// over what the other costs. 1 is linear. By batch at the same size, by size at the
// same batch; the other is the smallest of them. False: there is no other.
bool bench_linear(const struct bench_device *d, const struct pix_bench_row *row,
                  bool by_size, double *ratio);

#endif
