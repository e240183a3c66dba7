// SPDX-License-Identifier: MIT
//
// Two results of benchmarks side by side: rows of the same work, with their ratio.

#ifndef TOOLS_BENCH_COMPARE_H
#define TOOLS_BENCH_COMPARE_H

#include <stdbool.h>

// Prints what two files have in common, and what only one has. False after a message if
// one of them cannot be read.
bool bench_compare_files(const char *const paths[2]);

#endif
