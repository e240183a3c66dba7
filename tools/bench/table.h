// SPDX-License-Identifier: MIT
//
// The result of a benchmark as text on stdout.

#ifndef TOOLS_BENCH_TABLE_H
#define TOOLS_BENCH_TABLE_H

#include "bench/result.h"

void bench_print_device(const struct bench_device *d);
void bench_print_method(void);

#endif
