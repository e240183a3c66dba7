// SPDX-License-Identifier: MIT
//
// Fields of a CSV file (RFC 4180), as they are: a file is no terminal.

#ifndef TOOLS_CSV_H
#define TOOLS_CSV_H

#include <stdio.h>

void csv_add_text(FILE *file, const char *text);    // in quotes; the first of its row
// Two words that make the name of a column, joined by "_" unless one is empty.
void csv_add_name(FILE *file, const char *name, const char *suffix);
void csv_add_number(FILE *file, double value);    // "inf"; empty: none, NaN
void csv_add_nan(FILE *file);                     // "nan"
void csv_end_row(FILE *file);

#endif
