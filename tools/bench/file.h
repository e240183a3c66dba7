// SPDX-License-Identifier: MIT
//
// The result of a benchmark as a JSON file.

#ifndef TOOLS_BENCH_FILE_H
#define TOOLS_BENCH_FILE_H

#include "bench/result.h"

// Whether a result or a page can be written there; false after a message. An existing
// file stays as it is.
bool bench_can_write(const char *path);

// Replaces an existing file once everything is written. False after a message.
bool bench_write_file(const struct bench_result *r, const char *path);

// Refuses, with a message, what bench_write_file has not written.
bool bench_read_file(const char *path, struct bench_result *r);

#endif
