// SPDX-License-Identifier: MIT
//
// The result of a benchmark as a page: one HTML file with charts in SVG, without
// scripts and without anything loaded from elsewhere.

#ifndef TOOLS_BENCH_PAGE_H
#define TOOLS_BENCH_PAGE_H

#include "bench/result.h"

// Replaces an existing file once everything is written. False after a message.
bool bench_write_page(const struct bench_result *r, const char *path);

#endif
